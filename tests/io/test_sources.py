"""Read days from files in both formats; every way a file can be bad has its error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.config.project import FileSource, FileTable, Project
from include.config.source import CsvFormat
from include.domain.errors import SourceDataError
from include.io.local_store import LocalStore
from include.io.sources import read_source, table_key
from include.io.tables import to_parquet

DAY = date(2024, 3, 1)
ORDERS = pd.DataFrame({"order_id": ["a", "b"], "amount": [1.5, None]})
TABLES = {
    "orders": FileTable(path="landing/orders/date={date}.parquet"),
    "rates": FileTable(path="landing/rates/date={previous_date}.csv", required=False),
}


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(f"file://{tmp_path / 'store'}")


def project(**tables: FileTable) -> Project:
    return Project.model_construct(
        name="shop", source=FileSource.model_construct(kind="files", tables=tables or TABLES)
    )


def refusal(store: LocalStore, declared: Project, *, retryable: bool = False) -> str:
    with pytest.raises(SourceDataError) as caught:
        read_source(declared, DAY, store, {})
    assert caught.value.retryable is retryable
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "day", "key"),
    [
        ("a/{date}.csv", DAY, "a/2024-03-01.csv"),
        ("a/{previous_date}.csv", DAY, "a/2024-02-29.csv"),
        ("a/{previous_date}.csv", date(2013, 1, 1), "a/2012-12-31.csv"),
        ("{date}/{previous_date}.parquet", DAY, "2024-03-01/2024-02-29.parquet"),
        ("a/reference.csv", DAY, "a/reference.csv"),
    ],
)
def test_a_path_is_filled_in_for_the_day(path: str, day: date, key: str) -> None:
    assert table_key(FileTable(path=path), day) == key


def test_each_declared_table_is_read_as_it_is(store: LocalStore) -> None:
    store.put("landing/orders/date=2024-03-01.parquet", to_parquet(ORDERS))
    store.put("landing/rates/date=2024-02-29.csv", b"day,rate\n2024-02-29,1.25\n")
    tables = read_source(project(), DAY, store, {})
    assert list(tables) == ["orders", "rates"]
    pd.testing.assert_frame_equal(tables["orders"], ORDERS)
    assert tables["rates"].to_dict("list") == {"day": ["2024-02-29"], "rate": [1.25]}


def test_in_csv_dates_and_the_words_for_nothing_stay_text(store: LocalStore) -> None:
    store.put("a.csv", b"id,code,when\n1,NA,2024-03-01T00:00:00Z\n2,None,\n3,,null\n")
    frame = read_source(project(a=FileTable(path="a.csv")), DAY, store, {})["a"]
    assert frame["code"].tolist()[:2] == ["NA", "None"]
    assert frame["code"].isna().tolist() == [False, False, True]
    assert frame["when"].iloc[[0, 2]].tolist() == ["2024-03-01T00:00:00Z", "null"]


@pytest.mark.parametrize("content", [None, b"day,rate\n"], ids=["no file", "no rows"])
def test_an_optional_table_without_anything_is_left_out(store: LocalStore, content: bytes | None) -> None:
    store.put("landing/orders/date=2024-03-01.parquet", to_parquet(ORDERS))
    if content is not None:
        store.put("landing/rates/date=2024-02-29.csv", content)
    assert list(read_source(project(), DAY, store, {})) == ["orders"]


def test_a_missing_required_file_is_named(store: LocalStore) -> None:
    text = refusal(store, project())
    assert text == (
        f"shop/2024-03-01: table 'orders': the file is missing; got: nothing at {store.url}/landing/orders/"
        "date=2024-03-01.parquet; allowed: landing/orders/date=2024-03-01.parquet; hint: the source has not delivered "
        "this day yet, or the path in project.yaml is wrong"
    )


@pytest.mark.parametrize("path", ["a.parquet", "a.csv"])
def test_a_required_file_without_rows_is_refused(store: LocalStore, path: str) -> None:
    empty = ORDERS.head(0)
    store.put(path, to_parquet(empty) if path.endswith("parquet") else empty.to_csv(index=False).encode())
    text = refusal(store, project(a=FileTable(path=path)))
    assert text.startswith(
        f"shop/2024-03-01: table 'a' ({store.url}/{path}): the file has no rows; got: 0 rows, 2 columns"
    )
    assert "allowed: at least 1 row; hint: " in text


@pytest.mark.parametrize(
    ("spoil", "arriving"),
    [
        (lambda data: data[: len(data) // 2], True),
        (lambda data: data[:-1], True),
        (lambda data: data[:4], True),
        (lambda data: b"", True),
        (lambda data: b"not parquet at all", False),
    ],
    ids=["half", "last byte", "first bytes", "empty", "something else"],
)
@pytest.mark.parametrize("required", [True, False])
def test_an_unreadable_parquet_is_refused_even_when_optional(
    store: LocalStore, spoil: Callable[[bytes], bytes], arriving: bool, required: bool
) -> None:
    store.put("a.parquet", spoil(to_parquet(ORDERS)))
    text = refusal(store, project(a=FileTable(path="a.parquet", required=required)), retryable=arriving)
    assert text.startswith(f"shop/2024-03-01: table 'a' ({store.url}/a.parquet): not a readable Parquet file")


def test_a_parquet_file_with_two_columns_of_one_name_is_refused(store: LocalStore) -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["amount", "amount"])
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    store.put("a.parquet", sink.getvalue().to_pybytes())
    assert "two columns have one name; got: 'amount'" in refusal(store, project(a=FileTable(path="a.parquet")))


def test_nothing_at_all_is_refused(store: LocalStore) -> None:
    text = refusal(store, project(a=FileTable(path="{date}.csv", required=False)))
    assert "shop/2024-03-01: source: none of the declared tables has a file for this day" in text
    assert "allowed: 2024-03-01.csv" in text


def test_a_csv_is_read_as_it_is_declared_to_be_written(store: LocalStore) -> None:
    store.put("a.csv", "id;name;amount\n1;Zoë, die;1,5\n2;;-2,25\n".encode("latin-1"))
    form = CsvFormat(delimiter=";", decimal=",", encoding="latin-1")
    frame = read_source(project(a=FileTable(path="a.csv", csv=form)), DAY, store, {})["a"]
    assert frame["amount"].tolist() == [1.5, -2.25]
    assert frame["name"].iloc[0] == "Zoë, die"


def test_a_cut_csv_and_one_with_a_mark_are_not_one_table_of_less(store: LocalStore) -> None:
    whole = b"\xef\xbb\xbfid,amount\r\n1,44.38\r\n2,44.38\r\n"
    table = project(a=FileTable(path="a.csv"))
    store.put("a.csv", whole)
    assert read_source(table, DAY, store, {})["a"].columns.tolist() == ["id", "amount"]
    for end in range(len(whole)):
        if whole[:end].endswith((b"\r", b"\n")) or end <= 3:
            continue
        store.put("a.csv", whole[:end])
        refusal(store, table, retryable=True)
