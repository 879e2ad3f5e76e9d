"""Read JSON lines: one object a line, in UTF-8, with no name twice."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from include.config.errors import SourceDataError, SourceIncompleteError
from include.io.column_types import from_values
from include.io.file_integrity import refuse_columns_of_one_name


def from_json_lines(data: bytes, where: str) -> pd.DataFrame:
    """Return the objects of a JSON lines file as rows; a name that an object lacks is missing in its row.

    Args:
        data: The file.
        where: Table and address, for errors.

    Raises:
        SourceIncompleteError: The last line is cut.
        SourceDataError: The file is something else, or an object has two values of one name.
    """
    rows = _objects(data, where)
    names = dict.fromkeys(name for row in rows for name in row)
    return from_values({name: [row.get(name) for row in rows] for name in names}, len(rows), where)


def _objects(data: bytes, where: str) -> list[dict[str, Any]]:
    lines = [(number, line) for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)]
    written = [(number, line) for number, line in lines if line.strip()]
    rows = []
    for number, line in written:
        try:
            rows.append(_object(line, f"{where}, line {number}"))
        except (ValueError, RecursionError) as error:
            # the message of a parser may quote what the line holds; its place is enough
            got = f"{len(data)} bytes; line {number}: {type(error).__name__}"
            last = number == written[-1][0] and not data.endswith(b"\n") and _is_cut(error)
            raise (SourceIncompleteError if last else SourceDataError)(
                where,
                "the file ends within a line" if last else "a line is no JSON object",
                got=got,
                allowed=["UTF-8 text with one JSON object a line"],
                hint="the file is still being written, or cut: have the source deliver it whole"
                if last
                else "have the source deliver it again, one object a line and no list around them",
            ) from error
    return rows


def _is_cut(error: Exception) -> bool:
    """Tell whether a line ends where more must follow; a whole line that is no object, or no UTF-8, is not cut."""
    if isinstance(error, UnicodeDecodeError):
        return "unexpected end" in error.reason
    return isinstance(error, json.JSONDecodeError)


def _object(line: bytes, where: str) -> dict[str, Any]:
    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        refuse_columns_of_one_name([name for name, _ in pairs], where)
        return dict(pairs)

    found = json.loads(line.decode(), object_pairs_hook=paired)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
