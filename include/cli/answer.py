"""List the questions that wait for a person, and answer one from the shell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from include.cli.namespace_option import Namespace
from include.cli.options import Docker

EXAMPLE = './nightshift answer flight_delay reject --reason "the holdout is a holiday week"'


class Verb(StrEnum):
    """Be what can be answered."""

    APPROVE = "approve"
    REJECT = "reject"


def answer(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")],
    verb: Annotated[Verb | None, typer.Argument(metavar="approve|reject", help="Leave out to read it.")] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; the ledger keeps it. Needed to reject.")
    ] = "",
    run_id: Annotated[str, typer.Option("--run", metavar="RUN_ID", help="Which, where several wait.")] = "",
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Show the questions of a project that wait for approval, or answer one; Airflow must be running.

    The exit status is 0 when the answer was taken, 2 when what was asked is not possible.
    """
    from include.cli.answer_question import answer_question

    raise typer.Exit(answer_question(project, verb.value if verb else None, reason, run_id))
