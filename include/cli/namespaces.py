"""Define the commands that list and remove namespaces; what they do is imported when they are called."""

from __future__ import annotations

from typing import Annotated

import typer

from include.cli.options import AsJson, Docker

EXAMPLE = "./nightshift namespace rm pr-123"

namespace = typer.Typer(no_args_is_help=True, help="List and remove what runs made apart from production.")

S3 = Annotated[bool, typer.Option("--s3", help="Look in the store that `run --s3` fills.")]


@namespace.command("ls", epilog="Example: ./nightshift namespace ls --json")
def ls(as_json: AsJson = False, s3: S3 = False, docker: Docker = False) -> None:
    """List the namespaces: champions, objects, bytes, and what MLflow has of them."""
    from include.cli.show_namespaces import show_namespaces

    raise typer.Exit(show_namespaces(as_json=as_json, s3=s3))


@namespace.command("rm", epilog=f"Example: {EXAMPLE} --yes")
def rm(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The namespace.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    s3: S3 = False,
    docker: Docker = False,
) -> None:
    """Remove all of a namespace, and only it: objects, MLflow's records, Dags with their runs, pool, task logs.

    Nothing is removed while a run of it is not finished. After a kill the same command goes on. The exit status is 0
    when nothing is left, 1 when something could not be removed, 2 when what was asked is not possible.
    """
    from include.cli.remove_namespace import remove_namespace

    raise typer.Exit(remove_namespace(name, yes=yes, s3=s3))
