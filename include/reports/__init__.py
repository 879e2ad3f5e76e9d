"""Turn decisions into pages that people read."""
