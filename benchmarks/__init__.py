"""Measure what the documents claim: each module is a program with `--help`, and says on what it measured."""
