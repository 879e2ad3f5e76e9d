"""Read one day of raw data from a project's declared source: tables by name, with the values that the source gave."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from include.config.project import FileSource, FileTable, Project
from include.config.source import CsvFormat
from include.domain.errors import ObjectMissingError, SourceDataError, SourceIncompleteError
from include.io.file_integrity import (
    check_parquet,
    csv_text,
    refuse_columns_of_one_name,
    refuse_decimal_commas,
    unreadable_csv,
)
from include.io.object_store import ObjectStore
from include.io.tables import SharedTables, as_declared, from_text, from_values, raw_from_parquet

if TYPE_CHECKING:
    from pydantic import SecretStr


_UNDATED = SharedTables()


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


logger = logging.getLogger(__name__)


def read_source(
    project: Project, day: date, store: ObjectStore, connections: Mapping[str, SecretStr]
) -> dict[str, pd.DataFrame]:
    """Return the tables of `day` by name.

    Args:
        project: Its `source` says where the data is.
        day: The partition.
        store: Holds the landing zone of a `files` source; a table's path is a key of it.
        connections: SQLAlchemy URLs by connection name, for an `sql` source.

    Returns:
        One frame a declared table; a `files` table that is not required and has no file, or no rows, is left out.
        An `sql` source gives one table, called "rows".

    Raises:
        SourceUnavailableError: The source system does not answer; it may, later.
        SourceIncompleteError: A file ends too early; it may still be arriving.
        SourceDataError: A required table is missing, unreadable or has no rows.
        ConnectionMissingError: The declared connection is configured nowhere.
    """
    if isinstance(project.source, FileSource):
        tables = _read_files(project, project.source, day, store)
    else:
        # sqlalchemy is imported only for projects that need it
        from include.io.sql_source import read_rows

        tables = {"rows": read_rows(project, project.source, day, connections)}
    logger.info("%s %s: read %s", project.name, day, {name: len(frame) for name, frame in tables.items()})
    return tables


def table_key(table: FileTable, day: date) -> str:
    """Return the store's key of one table on one day: its path with `{date}` and `{previous_date}` filled in."""
    previous = day - timedelta(days=1)
    return table.path.replace("{date}", day.isoformat()).replace("{previous_date}", previous.isoformat())


def _read_files(project: Project, source: FileSource, day: date, store: ObjectStore) -> dict[str, pd.DataFrame]:
    tables: dict[str, pd.DataFrame] = {}
    for name, table in source.tables.items():
        frame = _read_table(table, store, f"{project.name}/{day}: table '{name}'", day)
        if frame is not None:
            tables[name] = frame
    if not tables:
        raise SourceDataError(
            f"{project.name}/{day}: source",
            "none of the declared tables has a file for this day",
            got="no file",
            allowed=[table_key(table, day) for table in source.tables.values()],
            hint="the source has not delivered yet, or the paths in project.yaml are wrong",
        )
    return tables


def _read_table(table: FileTable, store: ObjectStore, where: str, day: date) -> pd.DataFrame | None:
    """Return one table, or None when it is not required and there is nothing."""
    key = table_key(table, day)
    try:
        data = store.get(key)
    except ObjectMissingError as error:
        if not table.required:
            return None
        raise SourceDataError(
            where,
            "the file is missing",
            got=f"nothing at {store.uri(key)}",
            allowed=[key],
            hint="the source has not delivered this day yet, or the path in project.yaml is wrong",
        ) from error
    place = f"{where} ({store.uri(key)})"
    if table.dated:
        return _parsed(table, data, key, place)
    content = (hashlib.sha256(data).hexdigest(), table.model_dump_json())
    return _UNDATED.made(content, lambda: _parsed(table, data, key, place))


def _parsed(table: FileTable, data: bytes, key: str, place: str) -> pd.DataFrame | None:
    if key.endswith(".parquet"):
        check_parquet(data, place)
        frame = raw_from_parquet(data, place)
        refuse_columns_of_one_name(frame.columns, place)
    elif key.endswith(".jsonl"):
        frame = from_json_lines(data, place)
    else:
        frame = _from_csv(data, table, place)
    if len(frame):
        return as_declared(frame, table.types or {}, place)
    if not table.required:
        return None
    raise SourceDataError(
        place,
        "the file has no rows",
        got=f"0 rows, {len(frame.columns)} columns",
        allowed=["at least 1 row"],
        hint="ask the source to deliver the day again; set required: false only if an empty table is normal",
    )


def _from_csv(data: bytes, table: FileTable, where: str) -> pd.DataFrame:
    """Read a whole CSV. Dates stay text, and only an empty field is missing: the text "NA" or "None" stays text."""
    form = table.csv or CsvFormat()
    text = csv_text(data, form, where)
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=form.delimiter, dtype="str", index_col=False, keep_default_na=False, na_values=[""]
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise unreadable_csv(data, form, where, f"{type(error).__name__}: {error}") from error
    typed = from_text(frame, form.decimal or ".", keep=tuple(table.types or ()))
    refuse_decimal_commas(typed, form, where)
    return typed
