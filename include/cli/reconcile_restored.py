"""Reconcile the projects of a restored stack; run as a program in one of its containers.

By their names in the store, not by their folders: a namespace's or a removed project's ledger is restored like others.
"""

from __future__ import annotations

import sys

from include.cli.put_back_home import reconcile_all
from include.config.settings import Settings


def main(projects: list[str]) -> int:
    """Set release pointers and MLflow's aliases right, say on stderr what cannot be, and return the exit status."""
    settings = Settings.from_environment().in_namespace("")
    left = reconcile_all(settings, settings.store_url, settings.tracking_url, tuple(projects))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
