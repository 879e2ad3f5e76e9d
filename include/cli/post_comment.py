"""Put the decisions of a pull request's nights into one comment on it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from include.cli.console import output
from include.config.errors import SettingsError
from include.io.github import MAX_CHARACTERS, PullRequest
from include.reports.comment import defused, fitted

MARKER = "<!-- nightshift: decisions -->"
# room for the marker, the line about the log and what says that something was left out
ROOM = MAX_CHARACTERS - 2_000
VARIABLES = ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def post_comment(folder: str, number: int) -> int:
    """Write the comment, or replace the one of the last push, and print its address.

    Args:
        folder: Its Markdown files, at any depth, each a decision that `decision --markdown` has printed.
        number: The pull request's.

    Raises:
        SettingsError: There is no such file, or a variable of GitHub Actions is missing.
        PullRequestError: GitHub refuses or does not answer.
    """
    texts = _texts(Path(folder))
    given = {name: os.environ.get(name, "") for name in VARIABLES}
    missing = [name for name, value in given.items() if not value]
    if missing or not _REPOSITORY.fullmatch(given["GITHUB_REPOSITORY"]):
        raise SettingsError(
            "the environment",
            "this is not a job of GitHub Actions",
            got=f"without {', '.join(missing)}" if missing else "a GITHUB_REPOSITORY that is none",
            hint="give the step `env: GITHUB_TOKEN: ${{ github.token }}`",
        )
    there = PullRequest(given["GITHUB_API_URL"], given["GITHUB_REPOSITORY"], number, given["GITHUB_TOKEN"])
    output().print(there.put_comment(MARKER, comment_text(texts, _log())), markup=False, soft_wrap=True)
    return 0


def comment_text(texts: list[str], log: str) -> str:
    """Return the decisions with a share of the room each, and a link to the run's log."""
    share = ROOM // max(1, len(texts))
    parts = [defused(fitted(text.splitlines(), share)) for text in texts]
    link = f"\n[The log of this run]({log})\n" if log else ""
    return "\n".join(parts)[:ROOM] + link


def _texts(folder: Path) -> list[str]:
    files = sorted(folder.rglob("*.md")) if folder.is_dir() else []
    if not files:
        raise SettingsError("argument FOLDER", "no decision in it", got=str(folder), allowed=("files *.md",))
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]


def _log() -> str:
    server, repository, run = (
        os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}" if server.startswith("https://") and run.isdigit() else ""
