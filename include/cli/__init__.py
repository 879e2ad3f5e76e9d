"""The command line behind `./nightshift`."""
