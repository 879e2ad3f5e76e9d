"""Define the command `backfill`; what it does is imported when it is called."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from include.cli.namespace_option import Namespace
from include.cli.options import Docker

EXAMPLE = "./nightshift backfill flight_delay 2013-06-01 2013-06-30 --parallel 2"


def backfill(  # noqa: PLR0913, PLR0917 - each is an option of the command
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")],
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first day the runs are about, YYYY-MM-DD.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last day; it belongs to them.")],
    parallel: Annotated[
        int, typer.Option("--parallel", metavar="N", min=1, max=32, help="Run N days at once; 1 runs them in order.")
    ] = 2,
    reprocess: Annotated[
        Literal["none", "failed", "completed"],
        typer.Option("--reprocess", help="Which days run again though they have run: none, those that failed, all."),
    ] = "none",
    window_days: Annotated[
        int | None, typer.Option("--window-days", metavar="N", help="Use N days instead of the declared window.")
    ] = None,
    score: Annotated[bool, typer.Option("--score", help="Score the days instead of retraining on them.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which days would run and which are left out; start nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress goes to stderr.")] = False,
    s3: Annotated[
        bool, typer.Option("--s3", help="Keep artifacts in an S3 server (SeaweedFS) that is started for it.")
    ] = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Run past days of a project by Airflow's own backfill, and sum up what was decided.

    Each day knows only what was known then. A backfill promotes nothing: `history` shows what would have been decided.
    Uses the stack of `up` when it runs; else starts one, and stops it afterwards. The exit status is 0 when every run
    succeeded, 1 when one failed or was a REJECT, 2 when what was asked is not possible.
    """
    from include.cli.backfill_days import backfill_days
    from include.cli.backfill_request import ask

    asked = ask(
        project,
        (first, last),
        parallel=parallel,
        reprocess=reprocess,
        window_days=window_days,
        score=score,
    )
    raise typer.Exit(backfill_days(asked, dry_run=dry_run, as_json=as_json, s3=s3))
