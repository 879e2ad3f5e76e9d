"""Print a decision as a comment on a pull request."""

from __future__ import annotations

import sys

from include.cli.show_history import find_entry
from include.cli.stores import opened_store
from include.config.discovery import load_project
from include.config.settings import Settings
from include.io.decisions import read_decision
from include.io.ledger import Ledger
from include.reports.comment import comment, no_decision


def show_comment(project: str, number: int | None, *, commit: str, s3: bool) -> int:
    """Print the decision of ledger entry `number` (default: the newest) as Markdown, and return 0.

    That there is none is told in Markdown, too: the night failed, and the pull request is to say so.

    Args:
        project: The project.
        number: The entry.
        commit: The commit whose decision is asked for; one that another commit made says so.
        s3: Read the own S3 server.

    Raises:
        ObjectMissingError: `number` was given, and the ledger has no such entry.
    """
    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_store(settings, s3=s3) as store:
        ledger = Ledger(store, name)
        if number is None and not ledger.newest(1):
            text = no_decision(name, commit)
        else:
            entry = find_entry(name, ledger, number)
            text = comment(read_decision(store, name, entry.decision_id), entry, commit=commit)
    sys.stdout.write(text)
    return 0
