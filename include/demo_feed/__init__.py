"""Simulate the source systems of the demo projects; the pipeline knows nothing of it."""
