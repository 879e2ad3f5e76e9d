"""Declare the options, the days and the help that several commands share."""

from __future__ import annotations

import os
from datetime import date
from typing import Annotated, Any

import typer

from include.domain.clock import EARLIEST_DAY
from include.domain.errors import AsOfError
from include.domain.names import VARIABLE, check_namespace

NAME = "./nightshift"
DOCKER = "--docker"
# the same door inside the stack runs the command, so none of them sees it: it is declared where it may be given
Docker = Annotated[bool, typer.Option(DOCKER, help="On the docker stack that `up --docker` has started.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
S3 = Annotated[bool, typer.Option("--s3", help="Keep artifacts in an S3 server (SeaweedFS) that is started for it.")]


def take_namespace(name: str) -> str:
    """Have whatever reads the settings from now on read those of the namespace.

    Raises:
        SettingsError: It is not the name of one.
    """
    if name:
        os.environ[VARIABLE] = check_namespace(name, "option --namespace")
    return name


Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        metavar="NAME",
        callback=take_namespace,
        help=f"Keep apart from production, under this name (default: {VARIABLE}).",
    ),
]


def option_of(namespace: str) -> str:
    """Return what a command that is shown as a hint needs for a namespace, with a space before it."""
    return f" --namespace {namespace}" if namespace else ""


def with_readable_help(app: typer.Typer) -> Any:
    """Return the command that an app is, with the help of it and of each command below it made readable.

    Paragraphs lose the line breaks that they have in the source, and flags lose the `<bool>` that reads as if a value
    followed them.
    """
    command = typer.main.get_command(app)
    _make_readable(command, None)
    return command


def _make_readable(command: Any, parent: typer.Context | None) -> None:
    context = typer.Context(command, parent=parent, **command.context_settings)
    # the option --help is made once, when it is first asked for
    for parameter in (*command.params, command.get_help_option(context)):
        if getattr(parameter, "is_bool_flag", False):
            parameter.metavar = ""
    if command.help:
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in command.help.split("\n\n"))
    for below in getattr(command, "commands", {}).values():
        _make_readable(below, context)


# beyond, reckoning with dates ends
LATEST_DAY = date(9000, 1, 1)


def parse_day(text: str, option: str) -> date:
    """Return the day that `text` names.

    Raises:
        AsOfError: It is not written YYYY-MM-DD, there is no such day, or it is centuries off.
    """
    where = f"{'option' if option.startswith('-') else 'argument'} {option}"
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise AsOfError(where, "not a day", got=repr(text), allowed=("YYYY-MM-DD",)) from error
    if day.isoformat() != text:
        raise AsOfError(where, "not a day", got=repr(text), allowed=("YYYY-MM-DD",))
    if not EARLIEST_DAY <= day <= LATEST_DAY:
        raise AsOfError(where, "no day of any data", got=text, allowed=(f"{EARLIEST_DAY} to {LATEST_DAY}",))
    return day
