"""Define the commands by which a person changes what is in force; what each does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from include.cli.namespace_option import Namespace
from include.cli.options import NAME, AsJson, Docker

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a sentence; the ledger keeps it.")]
S3 = Annotated[bool, typer.Option("--s3", help="Change the store that `run --s3` fills.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the commands to the door, under the heading `panel` of its help."""
    app.command(
        epilog=f'Example: {NAME} promote flight_delay 3 --reason "June was measured wrongly"', rich_help_panel=panel
    )(promote)
    app.command(
        epilog=f'Example: {NAME} rollback flight_delay --reason "late flights at JFK are missed"', rich_help_panel=panel
    )(rollback)
    app.command(epilog=f'Example: {NAME} pin flight_delay --reason "audit until Friday"', rich_help_panel=panel)(pin)
    app.command(epilog=f'Example: {NAME} unpin flight_delay --reason "the audit is over"', rich_help_panel=panel)(unpin)
    app.command(epilog=f"Example: {NAME} reconcile flight_delay --dry-run", rich_help_panel=panel)(reconcile)


def promote(
    project: Project,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version that was judged and not rejected.")],
    reason: Reason,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Put a version in force, whatever its age; the ledger keeps who did it and why.

    A version that a gate rejected is promoted by nobody, and nothing is while the champion is pinned. The exit status
    is 0 when the version is in force, 1 when its release does not load, 2 when what was asked is not possible.
    """
    from include.cli.perform_act import perform

    raise typer.Exit(perform("promote", project, reason, version=version, as_json=as_json, s3=s3))


def rollback(
    project: Project,
    reason: Reason,
    to: Annotated[
        str, typer.Option("--to", metavar="VERSION", help="An earlier champion (default: the one before).")
    ] = "",
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Put an earlier champion back in force, at once; what is rolled back stays out until it is promoted by hand.

    The release is loaded before and after. A pin does not hold a rollback, and stays. The exit status is 0 when the
    version is in force, 1 when its release does not load, 2 when what was asked is not possible.
    """
    from include.cli.perform_act import perform

    raise typer.Exit(perform("rollback", project, reason, version=to, as_json=as_json, s3=s3))


def pin(
    project: Project,
    reason: Reason,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Keep the champion in force whatever the nights prove, until `unpin`; decisions are still made, as HOLD."""
    from include.cli.perform_act import perform

    raise typer.Exit(perform("pin", project, reason, as_json=as_json, s3=s3))


def unpin(
    project: Project,
    reason: Reason,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Take the pin off: the next night may promote again."""
    from include.cli.perform_act import perform

    raise typer.Exit(perform("unpin", project, reason, as_json=as_json, s3=s3))


def reconcile(
    project: Project,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what differs; repair nothing.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Check the whole history by sha256, and repair nothing.")
    ] = False,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Compare release, release pointer, MLflow's versions and alias with the ledger, and repair what differs.

    The ledger wins; it is only checked itself. What MLflow lost is registered again. MLflow runs that a killed training
    left open are closed as failed. The exit status is 0 when all agree afterwards, and 1 when something does not.
    """
    from include.cli.perform_act import compare_with_ledger

    raise typer.Exit(compare_with_ledger(project, dry_run=dry_run, deep=deep, as_json=as_json, s3=s3))
