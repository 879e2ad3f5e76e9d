"""One rule says what a column is, whoever reads it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from include.config.source import ColumnType
from include.domain.errors import SourceDataError, SourceIncompleteError
from include.io.sources import from_json_lines
from include.io.tables import as_declared, from_arrow, from_text, from_values, logical_type, whole_numbers


@pytest.mark.parametrize(
    ("written", "dtype", "values"),
    [
        (["1", "2"], "int64", [1, 2]),
        (["1", None], "Int64", [1, None]),
        ([" 7", "8 "], "int64", [7, 8]),
        (["00501", "2134"], "str", ["00501", "2134"]),
        (["+49301", "2134"], "str", ["+49301", "2134"]),
        (["123456789012345678", "123456789012345679"], "int64", [123456789012345678, 123456789012345679]),
        (["1", str(10**30)], "str", ["1", str(10**30)]),
        (["1", "2.50"], "float64", [1.0, 2.5]),
        (["0.1", "1e+39", ".5"], "float64", [0.1, 1e39, 0.5]),
        (["12E4", "7"], "str", ["12E4", "7"]),
        (["1\u0663", "7"], "str", ["1\u0663", "7"]),
        (["1" * 5000, " 7"], "str", ["1" * 5000, "7"]),
        (["1.0", "nan"], "float64", [1.0, None]),
        (["True", "false"], "bool", [True, False]),
        (["True", None], "boolean", [True, None]),
        (["Yes", "No"], "str", ["Yes", "No"]),
        (["2024-03-01", "2024-03-02"], "str", ["2024-03-01", "2024-03-02"]),
        ([None, None], "float64", [None, None]),
    ],
)
def test_what_is_written_decides_in_csv(written: list[str | None], dtype: str, values: list[Any]) -> None:
    column = from_text(pd.DataFrame({"x": pd.Series(written, dtype="str")}))["x"]
    assert (str(column.dtype), [None if pd.isna(value) else value for value in column]) == (dtype, values)


def test_a_declared_decimal_comma_is_read() -> None:
    frame = from_text(pd.DataFrame({"x": ["1,5", "-2"], "y": ["1.5", "1,5"]}), decimal=",")
    assert (frame["x"].tolist(), frame["y"].tolist()) == ([1.5, -2.0], ["1.5", "1,5"])


@pytest.mark.parametrize(
    ("kind", "values", "dtype", "read"),
    [
        (pa.int32(), [1, None], "Int64", [1, None]),
        (pa.uint64(), [1, 2**64 - 1], "str", ["1", str(2**64 - 1)]),
        (pa.uint64(), [1, 2], "int64", [1, 2]),
        (pa.decimal128(20, 0), [Decimal(7), None], "Int64", [7, None]),
        (pa.decimal128(20, 2), [Decimal("7.00"), None], "float64", [7.0, None]),
        (pa.bool_(), [True, None], "boolean", [True, None]),
        (pa.binary(), [b"\x89\xff", None], "str", ["89ff", None]),
        (pa.list_(pa.int64()), [[1, 2], None], "str", ["[1, 2]", None]),
        (pa.struct([("a", pa.int64())]), [{"a": 1}], "str", ['{"a": 1}']),
        (pa.date32(), [date(2024, 3, 1)], "str", ["2024-03-01"]),
        (pa.timestamp("ns"), [pd.Timestamp("2024-03-01 10:00")], "datetime64[us]", [pd.Timestamp("2024-03-01 10:00")]),
        (pa.dictionary(pa.int8(), pa.string()), ["a", None], "str", ["a", None]),
        (pa.null(), [None], "float64", [None]),
    ],
)
def test_parquet_follows_the_same_rule(kind: pa.DataType, values: list[Any], dtype: str, read: list[Any]) -> None:
    column = from_arrow(pa.table({"x": pa.array(values, kind)}))["x"]
    assert (str(column.dtype), [None if pd.isna(value) else value for value in column]) == (dtype, read)


@pytest.mark.parametrize(
    ("values", "dtype", "read"),
    [
        ([1, None], "Int64", [1, None]),
        ([1, 2.5, None], "float64", [1.0, 2.5, None]),
        ([Decimal(5), Decimal(6)], "int64", [5, 6]),
        ([Decimal("5.10")], "float64", [5.1]),
        ([1, "A1"], "str", ["1", "A1"]),
        ([memoryview(b"\x01")], "str", ["01"]),
        ([10**30, 1], "str", [str(10**30), "1"]),
        ([{"a": [1]}], "str", ['{"a": [1]}']),
        ([datetime(2024, 3, 1, tzinfo=UTC)], "datetime64[us, UTC]", [pd.Timestamp("2024-03-01", tz="UTC")]),
    ],
)
def test_a_warehouse_follows_the_same_rule(values: list[Any], dtype: str, read: list[Any]) -> None:
    column = from_values({"x": values}, len(values))["x"]
    assert (str(column.dtype), [None if pd.isna(value) else value for value in column]) == (dtype, read)


@pytest.mark.parametrize(
    ("kind", "values", "read"),
    [
        ("text", [501, None], ["501", None]),
        ("integer", [1.0, None], [1, None]),
        ("integer", ["007", "1.0"], [7, 1]),
        ("number", ["1.5", "2"], [1.5, 2.0]),
        ("boolean", [1, 0, None], [True, False, None]),
        ("boolean", ["true", "0"], [True, False]),
        ("date", ["2024-03-01", "2024-03-02 00:00:00"], ["2024-03-01", "2024-03-02"]),
        ("timestamp", ["2024-03-01T10:00"], [pd.Timestamp("2024-03-01 10:00")]),
        ("timestamp", ["2024-03-01T10:00+01:00"], [pd.Timestamp("2024-03-01 09:00", tz="UTC")]),
    ],
)
def test_a_declared_type_is_taken(kind: ColumnType, values: list[Any], read: list[Any]) -> None:
    column = as_declared(from_values({"x": values}, len(values)), {"x": kind}, "table")["x"]
    assert [None if pd.isna(value) else value for value in column] == read


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", [1.0, 1.5]),
        ("integer", ["7", "A1"]),
        ("number", ["1.5", "much"]),
        ("boolean", [1, 2]),
        ("date", ["2024-03-01", "2024-02-30"]),
        ("date", ["2024-03-01", "2024-03-01 10:00"]),
        ("timestamp", ["2024-03-01T10:00", "soon"]),
    ],
)
def test_a_value_that_is_not_of_the_declared_type_is_refused(kind: ColumnType, values: list[Any]) -> None:
    with pytest.raises(SourceDataError) as caught:
        as_declared(from_values({"x": values}, len(values)), {"x": kind}, "table")
    problem = caught.value.problem
    assert ("'x'" in problem.what, problem.allowed) == (True, (kind,))
    assert problem.got.startswith("1 of 2 rows, for example row 2")


def test_a_declared_column_must_be_there() -> None:
    with pytest.raises(SourceDataError, match="missing; got: zip; allowed: x"):
        as_declared(pd.DataFrame({"x": [1]}), {"zip": "text"}, "table")


def test_only_floats_that_are_whole_become_whole_numbers() -> None:
    columns = {"gap": [1.0, None], "whole": [1.0, 2.0], "half": [1.0, 1.5], "far": [1.0, 2.0**60]}
    kinds = {name: str(whole_numbers(pd.Series(values)).dtype) for name, values in columns.items()}
    assert kinds == {"gap": "Int64", "whole": "int64", "half": "float64", "far": "float64"}


def test_the_type_of_a_column_without_values_is_not_known() -> None:
    assert logical_type(pd.Series([None, None], dtype="str")) == "empty"


def test_json_lines_are_rows_whose_names_may_be_missing() -> None:
    frame = from_json_lines(b'{"id": 123456789012345678, "zip": "00501"}\n\n{"zip": "1", "tags": ["a"]}\n', "table")
    assert frame["id"].tolist() == [123456789012345678, pd.NA]
    assert frame["zip"].tolist() == ["00501", "1"]
    assert frame["tags"].tolist()[1] == '["a"]'


@pytest.mark.parametrize(
    ("data", "error", "part"),
    [
        (b'{"a": 1}\n{"a": 2', SourceIncompleteError, "line 2"),
        (b'{"a": 1\n{"a": 2}\n', SourceDataError, "line 1"),
        (b"[1]\n", SourceDataError, "line 1"),
        (b'{"a": "\xff"}\n', SourceDataError, "line 1"),
        (b'{"a": 1, "a": 2}\n', SourceDataError, "two columns have one name"),
    ],
    ids=["cut", "broken", "a list", "not UTF-8", "one name twice"],
)
def test_what_is_no_json_lines_is_refused(data: bytes, error: type[SourceDataError], part: str) -> None:
    with pytest.raises(SourceDataError, match=part) as caught:
        from_json_lines(data, "table")
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "values",
    [
        pa.array([b"caf\xe9"]).view(pa.string()),
        pa.array([b"caf\xe9"]).view(pa.string()).dictionary_encode(),
        pa.ListArray.from_arrays([0, 1], pa.array([b"\xff"]).view(pa.string())),
        pa.array([3_000_000], pa.date32()),
        pa.array([3 * 10**17], pa.timestamp("s")),
    ],
    ids=["text not in UTF-8", "categories", "a list", "the year 10183", "a moment far away"],
)
def test_what_no_table_can_hold_is_refused_by_column(values: pa.Array) -> None:
    with pytest.raises(SourceDataError, match="orders: column 'x' holds values that cannot be read"):
        from_arrow(pa.table({"y": [1], "x": values}), "orders")


@pytest.mark.parametrize("text", ['{"x": "\\ud800"}', '{"\\ud800": 1}'])
def test_half_a_character_is_refused_by_column(text: str) -> None:
    with pytest.raises(SourceDataError, match=r"orders: column '(x|.ud800)' holds values that cannot be read"):
        from_json_lines(f"{text}\n".encode(), "orders")


def test_a_whole_number_beyond_any_float_keeps_its_digits() -> None:
    column = from_values({"x": [10**400, 1.5]}, 2)["x"]
    assert column.tolist() == [str(10**400), "1.5"]


@pytest.mark.parametrize("data", [b'[{"a": 1}]', b'{"a": ' + b"[" * 100_000, b"\x1f\x8b\x08"])
def test_json_that_is_whole_but_no_lines_does_not_count_as_cut(data: bytes) -> None:
    with pytest.raises(SourceDataError) as caught:
        from_json_lines(data, "orders")
    assert not isinstance(caught.value, SourceIncompleteError)
