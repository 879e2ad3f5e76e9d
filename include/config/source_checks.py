"""Check where raw data is declared to come from."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter

from include.config.findings import Finding
from include.config.source import Source

PLACEHOLDERS = ("date", "previous_date")
_ALLOWED = tuple(f"{{{name}}}" for name in PLACEHOLDERS)


def paths_are_plain(source: Source) -> Iterator[Finding]:
    """Refuse paths with unknown placeholders, paths that leave the landing zone, and a path used twice."""
    if source.kind != "files":
        return
    first: dict[str, str] = {}
    for name, table in source.tables.items():
        place = ("source", "tables", name, "path")
        yield from (Finding(place, fault, allowed=_ALLOWED) for fault in _placeholder_faults(table.path))
        if {"", ".", ".."} & set(table.path.split("/")):
            yield Finding(place, "the path may not hold '..', '.' or an empty part", hint="paths are below the store")
        earlier = first.setdefault(table.path, name)
        if earlier != name:
            yield Finding(place, f"table '{earlier}' has the same path")


def a_required_table_is_of_the_day(source: Source) -> Iterator[Finding]:
    """Refuse files of which none belongs to the partition's day and must be there."""
    if source.kind != "files":
        return
    if not any(table.required and "{date}" in table.path for table in source.tables.values()):
        what = "no required table has {date} in its path, so no day would have data of its own"
        got = ", ".join(source.tables)
        yield Finding(
            ("source", "tables"), what, got=got, hint="put {date} in the path of the table that holds the examples"
        )


def _placeholder_faults(path: str) -> Iterator[str]:
    try:
        parsed = list(Formatter().parse(path))
    except ValueError:
        yield "the braces of the path do not match"
        return
    for _, name, form, conversion in parsed:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            yield "unknown placeholder in the path"
