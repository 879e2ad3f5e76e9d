"""Define the command that removes what is older than a project keeps; what it does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from include.cli.namespace_option import Namespace
from include.cli.options import AsJson, Docker

EXAMPLE = "./nightshift retention flight_delay --dry-run"

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Only this one.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go, how many bytes and why; remove nothing.")]
S3 = Annotated[bool, typer.Option("--s3", help="Look through the store that `run --s3` fills.")]


def retention(
    project: Project = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Remove what is older than project.yaml keeps (`keep:`), from the store and from MLflow.

    The champion, what a rollback can go back to, what is pinned, the newest judged, the rows these were made from, and
    all history stay, and so does whatever was written within the last 24 hours. The exit status is 0 when it is done,
    and 1 when a project could not be done: the next run goes on from there.
    """
    from include.cli.keep_less import keep_less

    raise typer.Exit(keep_less(project, dry_run=dry_run, as_json=as_json, s3=s3))
