"""Nightshift: models retrained every night, promoted when they have proved themselves."""

from include.former_names import install

install()
