"""Each stage has a module of its name with one public `run(project, inputs) -> Result`; safe to run again."""
