"""The one door's commands; every heavy import is inside a command, so that a warm `status` takes a second."""
