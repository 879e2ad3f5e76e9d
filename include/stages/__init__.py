"""One module a stage, one public `run(project, inputs) -> Result`; safe to run again."""
