"""Show which namespaces there are, and how much of each."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from include.cli.console import output, print_json
from include.cli.stores import opened_place
from include.cli.tables import Column, table
from include.config.namespaces import being_removed, registered
from include.config.settings import Settings
from include.operations.namespaces import Contents, known_namespaces, look

COLUMNS = (
    Column("namespace"),
    Column("champions", leaves=2),
    Column("objects", right=True, leaves=4),
    Column("size", right=True, leaves=5),
    Column("MLflow", leaves=1),
    Column("state", leaves=3),
)


def show_namespaces(*, as_json: bool, s3: bool) -> int:
    """Print every namespace of this home, its store and its MLflow, as a table or as JSON; needs no running stack."""
    settings = Settings.from_environment().in_namespace("")
    left = being_removed(settings.home)
    with opened_place(settings, s3=s3) as (store, tracking_url):
        names = {*registered(settings.home), *left, *known_namespaces(store, tracking_url)}
        found = {name: look(store, tracking_url, name) for name in sorted(names)}
    if as_json:
        print_json({"namespaces": [_plain(name, there, name in left) for name, there in found.items()]})
        return 0
    if not found:
        output().print("no namespace yet; ./nightshift run --namespace NAME makes one", markup=False)
        return 0
    rows = []
    for name, there in found.items():
        champions = ", ".join(f"{project} {version}" for project, version in there.champions.items()) or "none"
        tracked = f"{len(there.experiments)} experiments, {len(there.models)} models"
        state = "half removed: rm it again" if name in left else ""
        rows.append([name, escape(champions), str(there.objects), amount(there.size), tracked, state])
    console = output()
    console.print(table(COLUMNS, rows, console.width))
    return 0


def amount(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def _plain(name: str, there: Contents, half_removed: bool) -> dict[str, Any]:
    return {
        "namespace": name,
        "projects": list(there.projects),
        "champions": there.champions,
        "objects": there.objects,
        "bytes": there.size,
        "experiments": list(there.experiments),
        "models": list(there.models),
        "half_removed": half_removed,
    }
