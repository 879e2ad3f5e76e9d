"""Declare where raw data comes from: files in a landing zone, or one query a day."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from include.domain.base_model import Closed, ValidationIssue, ValidationIssuesError

ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
# SQLAlchemy's own rule for what is a parameter: `::date` is a cast, `\:x` is escaped
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")


# a key that came later and is not declared leaves the hash of an older declaration what it was
def _undeclared(value: object) -> bool:
    return value is None


class CsvFormat(Closed):
    """Say how a CSV file is written, where that is not as RFC 4180 has it.

    Attributes:
        delimiter: What stands between two fields.
        decimal: What stands before the decimals of a number. Left out, it is a point, and a column of numbers with
            commas is refused; a declared point lets such a column be text.
        encoding: How characters are written as bytes; a byte order mark is read and dropped.
    """

    delimiter: Literal[",", ";", "\t", "|"] = ","
    decimal: Literal[".", ","] | None = None
    encoding: Literal["utf-8", "utf-16", "latin-1", "windows-1252"] = "utf-8"

    @model_validator(mode="after")
    def _two_meanings_have_two_signs(self) -> CsvFormat:
        if self.delimiter == self.decimal:
            what = "a comma cannot be both the delimiter and the decimal sign"
            raise ValidationIssuesError(
                [ValidationIssue(("decimal",), what, hint="declare the file's real delimiter, such as ';'")]
            )
        return self


class FileTable(Closed):
    """Name one file per day, or one undated reference file.

    Attributes:
        path: Relative to the object store, with `{date}` or `{previous_date}`; .parquet, .csv or .jsonl.
        required: Whether a day without this file fails; false delivers no table for that day.
        csv: How a .csv file is written; left out: UTF-8, commas between fields, a point before decimals.
        types: What columns are, where the file does not say it: codes of digits are text, for one. A column of dates is
            ISO text.
    """

    path: Annotated[str, StringConstraints(pattern=r"^[^/].*\.(parquet|csv|jsonl)$")]
    required: bool = True
    csv: CsvFormat | None = Field(default=None, exclude_if=_undeclared)
    types: dict[str, ColumnType] | None = Field(default=None, exclude_if=_undeclared)

    @property
    def dated(self) -> bool:
        """Whether each day has a file of its own."""
        return "{date}" in self.path or "{previous_date}" in self.path

    @model_validator(mode="after")
    def _only_csv_has_its_format(self) -> FileTable:
        if self.csv is not None and not self.path.endswith(".csv"):
            what = "only a .csv file is written in a way of its own"
            raise ValidationIssuesError([ValidationIssue(("csv",), what, self.path, hint="remove 'csv:'")])
        return self


class FileSource(Closed):
    """Read raw data from files in a landing zone of the object store.

    Attributes:
        kind: `files`.
        tables: The files by the name that `assemble` sees; at least one required path holds `{date}`.
        date_column: The column that says which day a row is of; rows of another day than the partition's are set
            aside. Left out, it is not checked.
    """

    kind: Literal["files"]
    tables: dict[ColumnName, FileTable] = Field(min_length=1)
    date_column: ColumnName | None = Field(default=None, exclude_if=_undeclared)


class SqlSource(Closed):
    """Read raw data by one query a day from a warehouse.

    Attributes:
        kind: `sql`.
        connection: The Airflow connection's id.
        query: One SELECT; its only parameter `:date` is the partition's day.
        date_column: The column that says which day a row is of; rows of another day than the partition's are set
            aside. Left out, it is not checked.
        types: What columns are, where the warehouse does not say it: SQLite has no truth values, for one. A column of
            dates is ISO text.
    """

    kind: Literal["sql"]
    connection: ConnectionName
    query: Annotated[str, StringConstraints(min_length=1)]
    date_column: ColumnName | None = Field(default=None, exclude_if=_undeclared)
    types: dict[str, ColumnType] | None = Field(default=None, exclude_if=_undeclared)

    @model_validator(mode="after")
    def _query_is_for_one_day(self) -> SqlSource:
        named = query_parameters(self.query)
        findings = []
        if "date" not in named:
            hint = "put 'where <day column> = :date' into it"
            findings.append(
                ValidationIssue(("query",), "the query must select one day by the parameter :date", hint=hint)
            )
        findings += [
            ValidationIssue(("query",), "the query has an unknown parameter", f":{name}", (":date",))
            for name in sorted(named - {"date"})
        ]
        if findings:
            raise ValidationIssuesError(findings)
        return self


Source = Annotated[FileSource | SqlSource, Field(discriminator="kind")]


def query_parameters(query: str) -> set[str]:
    """Return the names of the parameters of a SQL query, as SQLAlchemy will see them."""
    return set(_PARAMETER.findall(query))
