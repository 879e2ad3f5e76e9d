"""One folder is one ML project."""
