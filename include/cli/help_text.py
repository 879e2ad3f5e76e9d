"""Have `--help` flow at any width, and show a value only for the options that take one."""

from __future__ import annotations

from typing import Any

import typer


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
