"""Show broken projects in Airflow, without hiding the good ones."""

from __future__ import annotations

from include.config.discovery import discover
from include.config.errors import DeclarationError
from include.config.settings import Settings


def raise_for_broken_projects() -> None:
    """Raise one error that lists every problem of every broken project; do nothing when all are valid.

    Raises:
        DeclarationError: With where, what, got, allowed and hint of each problem, a line each.
    """
    broken = discover(Settings.from_environment().projects_dir).broken
    problems = [problem for name in sorted(broken) for problem in broken[name]]
    if problems:
        raise DeclarationError(problems)
