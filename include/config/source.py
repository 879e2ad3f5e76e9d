"""Declare where raw data comes from: files in a landing zone, or one query a day."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from include.config.closed import Closed
from include.config.findings import Finding, FindingsError

ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
# SQLAlchemy's own rule for what is a parameter: `::date` is a cast, `\:x` is escaped
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")


class FileTable(Closed):
    """Name one file per day, or one undated reference file.

    Attributes:
        path: Relative to the object store, with `{date}` or `{previous_date}`; .parquet or .csv.
        required: Whether a day without this file fails; false delivers no table for that day.
    """

    path: Annotated[str, StringConstraints(pattern=r"^[^/].*\.(parquet|csv)$")]
    required: bool = True


class FileSource(Closed):
    """Read raw data from files in a landing zone of the object store.

    Attributes:
        kind: `files`.
        tables: The files by the name that `assemble` sees; at least one required path holds `{date}`.
    """

    kind: Literal["files"]
    tables: dict[ColumnName, FileTable] = Field(min_length=1)


class SqlSource(Closed):
    """Read raw data by one query a day from a warehouse.

    Attributes:
        kind: `sql`.
        connection: The Airflow connection's id.
        query: One SELECT; its only parameter `:date` is the partition's day.
    """

    kind: Literal["sql"]
    connection: ConnectionName
    query: Annotated[str, StringConstraints(min_length=1)]

    @model_validator(mode="after")
    def _query_is_for_one_day(self) -> SqlSource:
        named = query_parameters(self.query)
        findings = []
        if "date" not in named:
            hint = "put 'where <day column> = :date' into it"
            findings.append(Finding(("query",), "the query must select one day by the parameter :date", hint=hint))
        findings += [
            Finding(("query",), "the query has an unknown parameter", f":{name}", (":date",))
            for name in sorted(named - {"date"})
        ]
        if findings:
            raise FindingsError(findings)
        return self


Source = Annotated[FileSource | SqlSource, Field(discriminator="kind")]


def query_parameters(query: str) -> set[str]:
    """Return the names of the parameters of a SQL query, as SQLAlchemy will see them."""
    return set(_PARAMETER.findall(query))
