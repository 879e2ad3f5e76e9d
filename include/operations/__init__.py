"""Do to a project's models and artifacts what a person or a timer asks for beside the nights."""
