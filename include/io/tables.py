"""Keep frames as Parquet, and give each column its type by one rule, whichever reader brought it."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.config.source import ColumnType
from include.domain.errors import MAX_EXAMPLES, SourceDataError
from include.io.manifests import FileRef, get_file
from include.io.object_store import ObjectStore

Made = TypeVar("Made")
# more than a project has of them, and few enough to hold
SHARED_TABLES = 8
LogicalType = Literal["boolean", "integer", "number", "timestamp", "timestamp with zone", "text", "empty"]
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
# a whole number of more characters is beyond 64 bits, and is not reckoned with
_MOST_CHARACTERS = 20
_WHOLE = r"-?(?:0|[1-9]\d*)"
_INTEGER = re.compile(_WHOLE, re.ASCII)
# an exponent needs a point or a sign: 12E4 is an article, not 120000
_NUMBER = re.compile(
    rf"{_WHOLE}|{_WHOLE}\.\d*(?:[eE][+-]?\d+)?|-?\.\d+(?:[eE][+-]?\d+)?|{_WHOLE}[eE][+-]\d+|-?(?:[iI]nf(?:inity)?)|[nN]a[nN]",
    re.ASCII,
)
_ANY_INTEGER = re.compile(r"[+-]?\d+(?:\.0*)?", re.ASCII)
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TRUTH_OF_NUMBERS = {**_TRUTH, "1": True, "0": False, "1.0": True, "0.0": False}


def logical_type(column: pd.Series) -> LogicalType:
    """Return what a column of a frame is; `empty` when no row has a value."""
    if column.isna().all():
        return "empty"
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    if pd.api.types.is_float_dtype(column):
        return "number"
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return "timestamp with zone"
    return "timestamp" if pd.api.types.is_datetime64_any_dtype(column) else "text"


def from_arrow(table: pa.Table, where: str = "table") -> pd.DataFrame:
    """Return the columns of an Arrow table, an index that pandas wrote among them, each by the rule of this module.

    Raises:
        SourceDataError: A column holds what cannot be read, such as text that is not UTF-8 or a day after year 9999.
    """
    columns = [
        _read_column(str(name), _arrow_column, column, where)
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(table.num_rows))
    frame.columns = pd.Index([str(name) for name in table.column_names], dtype="str")
    return frame


def from_values(columns: Mapping[str, Sequence[Any]], rows: int, where: str = "table") -> pd.DataFrame:
    """Return columns of Python values, None where one is missing, each by the rule of this module.

    Raises:
        SourceDataError: A column holds what cannot be read, such as half a character.
    """
    typed = {name: _read_column(name, _values_column, values, where) for name, values in columns.items()}
    return pd.DataFrame(typed, index=pd.RangeIndex(rows))


def from_text(frame: pd.DataFrame, decimal: str = ".", keep: Sequence[str] = ()) -> pd.DataFrame:
    """Return columns of text, as CSV has them, each by what is written in it.

    Args:
        frame: Columns of text, missing where a field is empty.
        decimal: What stands before the decimals of a number.
        keep: Columns that stay text.
    """
    typed = [column.astype("str") if name in keep else _text_column(column, decimal) for name, column in frame.items()]
    made = pd.DataFrame(dict(enumerate(typed)), index=frame.index)
    made.columns = frame.columns
    return made


def as_declared(frame: pd.DataFrame, types: Mapping[str, ColumnType], where: str) -> pd.DataFrame:
    """Return `frame` with its columns of the declared types.

    Raises:
        SourceDataError: A declared column is not there, or holds values that are not of its type; they may be
            personal, so only their rows are named.
    """
    absent = sorted(set(types) - set(frame.columns))
    if absent:
        raise SourceDataError(
            where,
            "columns whose type is declared are missing",
            got=", ".join(absent),
            allowed=[str(name) for name in frame.columns],
            hint="correct types: in project.yaml, or have the source deliver the columns",
        )
    made = frame.copy(deep=False)
    for name, kind in types.items():
        column = frame[name]
        converted = _CONVERT[kind](column)
        lost = column.notna() & converted.isna()
        if lost.any():
            rows = ", ".join(str(int(row) + 1) for row in np.flatnonzero(lost)[:MAX_EXAMPLES])
            raise SourceDataError(
                where,
                f"column '{name}' holds values that are not of its declared type",
                got=f"{int(lost.sum())} of {len(column)} rows, for example row {rows}; read as {logical_type(column)}",
                allowed=[kind],
                hint="have the source deliver the day again, or correct types: in project.yaml",
            )
        made[name] = converted
    return made


def without_gaps(column: pd.Series) -> pd.Series:
    """Return a nullable column in which nothing is missing as the plain one."""
    if isinstance(column.dtype, pd.Int64Dtype) and not column.hasnans:
        return column.astype("int64")
    if isinstance(column.dtype, pd.BooleanDtype) and not column.hasnans:
        return column.astype("bool")
    return column


def whole_numbers(column: pd.Series) -> pd.Series:
    """Return a float column of whole numbers as integers; any other as it is."""
    if not pd.api.types.is_float_dtype(column):
        return column
    present = column.dropna().to_numpy(dtype="float64")
    # beyond 2**53 a float no longer tells whole numbers apart
    if not len(present) or not np.all(np.abs(present) <= 2**53) or not np.all(present == np.trunc(present)):
        return column
    return without_gaps(column.astype("Int64"))


def _read_column(name: str, read: Callable[[Any], pd.Series], values: Any, where: str) -> pd.Series:
    try:
        name.encode()
        return read(values)
    except (pa.ArrowException, ArithmeticError, NotImplementedError, RecursionError, TypeError, ValueError) as error:
        # the message of a library may quote the value, which may be personal
        raise SourceDataError(
            where,
            f"column {name!a} holds values that cannot be read",
            got=type(error).__name__,
            allowed=["numbers, truth values, text in UTF-8, bytes, and days and moments of the years 1 to 9999"],
            hint="have the source deliver the column otherwise, or leave it out",
        ) from error


def _arrow_column(column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _arrow_column(column.cast(kind.value_type))
    if pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and not pa.types.is_uint64(kind)):
        wide = column.cast(pa.int64()) if pa.types.is_integer(kind) else column
        nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
        return without_gaps(wide.to_pandas(types_mapper=nullable.get))
    if pa.types.is_floating(kind):
        return column.cast(pa.float64()).to_pandas()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        # that its bytes are UTF-8 is only promised by a file, and would show much later
        column.validate(full=True)
        return column.to_pandas().astype("str")
    if pa.types.is_timestamp(kind):
        # nanoseconds are cut off; seconds that microseconds cannot hold are not
        moments = pa.timestamp("us", tz="UTC" if kind.tz else None)
        return column.cast(moments, safe=kind.unit != "ns").to_pandas()
    return _values_column(column.to_pylist())


def _values_column(values: Sequence[Any]) -> pd.Series:
    """Return a column of Python values of one kind, or their text where they are of several."""
    plain = [_plain(value) for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if not kinds:
        return pd.Series(np.nan, index=range(len(plain)), dtype="float64")
    if kinds == {bool}:
        return without_gaps(pd.Series(plain, dtype="boolean"))
    if kinds == {int}:
        return _integers(plain)
    if kinds <= {int, float} and not any(isinstance(value, int) and abs(value) > sys.float_info.max for value in plain):
        return pd.Series([np.nan if value is None else float(value) for value in plain], dtype="float64")
    if kinds == {datetime}:
        zones = {value.tzinfo is not None for value in plain if value is not None}
        if len(zones) == 1:
            return pd.Series(pd.to_datetime(plain, utc=zones == {True}), dtype=_moments(zones == {True}))
    return pd.Series([None if value is None else _as_text(value) for value in plain], dtype="str")


def _moments(zoned: bool) -> Any:
    return pd.DatetimeTZDtype("us", "UTC") if zoned else np.dtype("datetime64[us]")


def _integers(values: Sequence[int | None]) -> pd.Series:
    """Return whole numbers; their digits where one is beyond 64 bits."""
    if all(value is None or _SMALLEST <= value <= _LARGEST for value in values):
        return without_gaps(pd.Series(pd.array(values, dtype="Int64")))
    return pd.Series([None if value is None else str(value) for value in values], dtype="str")


def _plain(value: Any) -> Any:
    """Return a value as None, bool, int, float, datetime or str."""
    if value is None or value is pd.NaT or (isinstance(value, float | Decimal) and math.isnan(value)):
        return None
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict | list | tuple | set):
        return json.dumps(value, default=_as_text, ensure_ascii=False)
    if isinstance(value, date | time) and not isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | datetime | str) else str(value)


def _as_text(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, datetime):
        return plain.isoformat(sep=" ")
    return plain if isinstance(plain, str) else str(plain)


def _text_column(column: pd.Series, decimal: str) -> pd.Series:
    """Return a column of text by what is written: truth values, whole numbers, numbers or text."""
    text = column.astype("str")
    written = {value: value.strip() for value in text.dropna().unique()}
    if not written:
        return pd.Series(np.nan, index=column.index, dtype="float64")
    if all(value in _TRUTH for value in written.values()):
        return without_gaps(text.map({given: _TRUTH[value] for given, value in written.items()}).astype("boolean"))
    if all(map(_INTEGER.fullmatch, written.values())):
        return _written_integers(text, written)
    pointed = {given: value.replace(decimal, ".") if decimal != "." else value for given, value in written.items()}
    if decimal != "." and any("." in value for value in written.values()):
        return text
    if all(map(_NUMBER.fullmatch, pointed.values())) and any(value.lower() != "nan" for value in pointed.values()):
        return text.map({given: float(value) for given, value in pointed.items()}).astype("float64")
    return text


def _written_integers(text: pd.Series, written: Mapping[str, str]) -> pd.Series:
    """Return whole numbers as `_integers` does; Python itself refuses to read those of thousands of digits."""
    if any(len(value) > _MOST_CHARACTERS for value in written.values()):
        return text.map(written).astype("str")
    numbers = {given: int(value) for given, value in written.items()}
    return _integers([numbers.get(value) for value in text]).set_axis(text.index)


def _to_text(column: pd.Series) -> pd.Series:
    return column.astype("str")


def _to_integer(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column):
        whole = whole_numbers(column)
        # what has decimals is lost, and so told
        return whole if logical_type(whole) != "number" else whole.where(whole == np.trunc(whole))
    if logical_type(column) in ("integer", "boolean"):
        return without_gaps(column.astype("Int64"))
    written = [None if pd.isna(value) else str(value).strip() for value in column]
    digits = [value.split(".")[0] if value and _ANY_INTEGER.fullmatch(value) else "" for value in written]
    numbers = [int(value) if value and len(value.lstrip("+-0")) < _MOST_CHARACTERS else None for value in digits]
    held = [number if number is not None and _SMALLEST <= number <= _LARGEST else None for number in numbers]
    return _integers(held).set_axis(column.index)


def _to_number(column: pd.Series) -> pd.Series:
    if logical_type(column) == "text":
        return pd.to_numeric(column, errors="coerce").astype("float64")
    return column.astype("float64")


def _to_boolean(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column):
        return column
    return without_gaps(column.astype("str").str.strip().map(_TRUTH_OF_NUMBERS).astype("boolean"))


def _to_date(column: pd.Series) -> pd.Series:
    moments = pd.Series(pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601"), index=column.index)
    return moments.where(moments == moments.dt.normalize()).dt.strftime("%Y-%m-%d").astype("str")


def _to_timestamp(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    text = column.astype("str")
    zoned = bool(text.dropna().str.contains(r"(?:Z|[+-]\d\d:?\d\d)$").any())
    moments = pd.Series(pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601"), index=column.index)
    return (moments if zoned else moments.dt.tz_localize(None)).astype(_moments(zoned))


_CONVERT: dict[ColumnType, Callable[[pd.Series], pd.Series]] = {
    "text": _to_text,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "date": _to_date,
    "timestamp": _to_timestamp,
}
ROW_GROUP_ROWS = 131_072


def to_parquet(frame: pd.DataFrame, where: str = "table") -> bytes:
    """Return `frame` as Parquet bytes; the index and `attrs` are not kept.

    Equal frames give equal bytes (within one version of pyarrow), so a hash of the bytes is a hash of the content.

    Args:
        where: The table's name or key, for the error.

    Raises:
        SourceDataError: A column mixes types that one Parquet column cannot hold, or a column's name is used twice.
    """
    bare = frame.copy(deep=False)
    bare.attrs = {}
    try:
        table = pa.Table.from_pandas(bare, preserve_index=False, nthreads=1)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise SourceDataError(
            where, "a column cannot be stored as a table column", got=_one_line(error), hint="give it one type"
        ) from error
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="zstd", row_group_size=ROW_GROUP_ROWS, write_page_checksum=True, store_schema=True
    )
    return sink.getvalue().to_pybytes()


def from_parquet(data: bytes, where: str) -> pd.DataFrame:
    """Return the frame in Parquet bytes.

    Args:
        where: The file's address or key, for the error.

    Raises:
        SourceDataError: The bytes are cut short, damaged or not Parquet.
    """
    return _read(data, where).to_pandas(use_threads=False)


class SharedTables:
    """Keep the last few tables that days share, by what they were made from; each is made once for neighbours.

    pandas copies on write, so nobody who takes one changes it for the next.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def made(self, of: Hashable, make: Callable[[], Made]) -> Made:
        """Return what was made of `of` before, or make it."""
        if of not in self._kept:
            self._kept[of] = make()
            while len(self._kept) > SHARED_TABLES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(of)
        found: Made = self._kept[of]
        return found


def raw_from_parquet(data: bytes, where: str) -> pd.DataFrame:
    """Return the frame of raw data in Parquet bytes, its columns by the one rule of all readers.

    Raises:
        SourceDataError: As `from_parquet`, or a column holds values that cannot be read.
    """
    return from_arrow(_read(data, where), where)


def _read(data: bytes, where: str) -> pa.Table:
    # one thread: a task is one of several on the machine, and a forked process must not wait for its parent's pool
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            return file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise SourceDataError(
            where,
            "not a readable Parquet file",
            got=f"{len(data)} bytes: {_one_line(error)}",
            hint="the file is cut short or is something else; have the source deliver it again",
        ) from error


def get_frame(store: ObjectStore, ref: FileRef) -> pd.DataFrame:
    """Return the frame a manifest names, checked by its sha256.

    Raises:
        ObjectMissingError: The file is gone.
        ChecksumMismatchError: The bytes are not those the manifest names.
        SourceDataError: The bytes are not Parquet.
    """
    return from_parquet(get_file(store, ref), where=store.uri(ref.key))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
