"""Define the command `reproduce`; what it does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from include.cli.namespace_option import Namespace
from include.cli.options import Docker

EXAMPLE = "./nightshift reproduce flight_delay 3"


def reproduce(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A project with decisions in the store.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A model version that a decision is about.")],
    keep: Annotated[
        str, typer.Option("--keep", metavar="FOLDER", help="Keep the model that is made, and the comparison, in it.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress goes to stderr.")] = False,
    s3: Annotated[bool, typer.Option("--s3", help="Read the store that `run --s3` fills.")] = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Train a version again from its decision's record alone, and compare it byte for byte.

    The project's folder is not read, so it may have changed since; nothing is written into the store or MLflow. The
    exit status is 0 when all is identical, 1 when a number differs or something needed is missing, 2 when what was
    asked is not possible.
    """
    from include.cli.show_reproduction import show_reproduction

    raise typer.Exit(show_reproduction(project, version, keep=keep, as_json=as_json, s3=s3))
