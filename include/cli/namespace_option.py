"""Be the option `--namespace` of every command that has one: the same as the variable, for this command alone."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from include.config.namespaces import VARIABLE, check_namespace


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
