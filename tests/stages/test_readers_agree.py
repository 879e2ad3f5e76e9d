"""The same table through every reader gives the same keys, labels and features, or the same refusal."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from include.domain.errors import PartitionRejectedError
from include.io import keys
from include.io.keys import ROWS
from include.io.local_store import LocalStore
from include.io.manifests import read_manifest
from include.io.tables import get_frame
from tests.stages.shop import AS_OF, Shop

ORDERS = 40
DAYS = tuple(AS_OF - back * timedelta(days=1) for back in (5, 4, 3))
CATEGORICAL = ["zip", "store", "placed", "note", "token", "long_code"]
SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "zip": pa.string(),
        "store": pa.int32(),
        "amount": pa.decimal128(12, 2),
        "member": pa.bool_(),
        "placed": pa.date32(),
        "note": pa.string(),
        "token": pa.binary(),
        "long_code": pa.decimal128(38, 0),
        "returned": pa.string(),
    }
)
FEATURES = f"""
import pandas as pd

def build_features(raw, history):
    numeric = {{name: raw[name].astype("float64") for name in ("amount", "member")}}
    numeric["placed_day"] = pd.to_datetime(raw["placed"]).dt.day.astype("float64")
    return pd.DataFrame(numeric | {{name: raw[name].astype("str") for name in {CATEGORICAL}}}, index=raw.index)
"""
EXPECTATIONS = """
import great_expectations.expectations as gxe

def build_suite():
    return [gxe.ExpectTableRowCountToBeBetween(min_value=10), gxe.ExpectColumnToExist(column="token")]
"""
Row = dict[str, Any]


def rows_of(day: date, seed: int) -> list[Row]:
    """Return a day of orders drawn at random, of all that readers are known to change."""
    chance = np.random.default_rng((seed, day.toordinal()))

    def some(value: Any) -> Any:
        return None if chance.random() < 0.15 else value

    notes = ["NA", "None", "", "null", 'say "no"', "a, b", "ÄÖ 东京", "true", "-", "1e5x", "nan"]
    drawn: list[Row] = [
        {
            # apart by 1 beyond 2**53, where floats no longer tell them apart
            "id": 10**17 + day.toordinal() * 1000 + number,
            "zip": f"{int(chance.integers(1, 99_999)):05d}",
            "store": some(int(chance.integers(1, 7))),
            "amount": some(Decimal(int(chance.integers(1, 10**7))) / 100),
            "member": some(bool(chance.random() < 0.5)),
            "placed": some(day - timedelta(days=int(chance.integers(0, 3)))),
            "note": some(notes[int(chance.integers(len(notes)))] or None),
            "token": some(bytes(chance.integers(0, 256, 4, dtype="uint8"))),
            "long_code": 10**30 + int(chance.integers(0, 5)),
            "returned": some("Yes" if chance.random() < 0.4 else "No"),
        }
        for number in range(ORDERS)
    ]
    drawn[0] |= {"zip": "00501", "store": None, "token": b"\x89\xff"}
    return drawn


def plain(value: Any) -> Any:
    """Return a value as formats have it that know neither dates nor bytes."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def parquet(shop: Shop, day: date, rows: Sequence[Row]) -> None:
    sink = io.BytesIO()
    fields = [SCHEMA.field(name) if name in SCHEMA.names else pa.field(name, pa.string()) for name in rows[0]]
    kinds = {name: {type(row[name]) for row in rows} - {type(None)} for name in rows[0]}
    fields = [pa.field(each.name, pa.string()) if kinds[each.name] == {str} else each for each in fields]
    pq.write_table(pa.Table.from_pylist(list(rows), pa.schema(fields)), sink)
    shop.store.put(f"landing/{day}.parquet", sink.getvalue())


def comma_separated(shop: Shop, day: date, rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(rows[0])
    writer.writerows([["" if value is None else str(plain(value)) for value in row.values()] for row in rows])
    shop.store.put(f"landing/{day}.csv", text.getvalue().encode())


def json_lines(shop: Shop, day: date, rows: Sequence[Row]) -> None:
    lines = [json.dumps({name: plain(value) for name, value in row.items() if value is not None}) for row in rows]
    shop.store.put(f"landing/{day}.jsonl", "\n".join(lines).encode() + b"\n")


def warehouse(shop: Shop, day: date, rows: Sequence[Row]) -> None:
    def stored(name: str, value: Any) -> Any:
        if isinstance(value, bytes):
            return value
        # SQLite has whole numbers of 64 bits and no more
        return str(value) if name == "long_code" else plain(value)

    with closing(sqlite3.connect(database(shop))) as connection, connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS orders (day, {', '.join(rows[0])})")
        marks = ", ".join("?" for _ in range(len(rows[0]) + 1))
        values = [(day.isoformat(), *(stored(name, value) for name, value in row.items())) for row in rows]
        connection.executemany(f"INSERT INTO orders VALUES ({marks})", values)


def database(shop: Shop) -> Path:
    return shop.folder / "warehouse.db"


def files(ending: str) -> dict[str, Any]:
    return {"kind": "files", "tables": {"orders": {"path": f"landing/{{date}}.{ending}"}}}


SQL = {
    "kind": "sql",
    "connection": "warehouse",
    "query": "SELECT * FROM orders WHERE day = :date",
    # SQLite has no truth values
    "types": {"member": "boolean"},
}
Writer = Callable[[Shop, date, Sequence[Row]], None]
READERS: dict[str, tuple[Writer, dict[str, Any]]] = {
    "Parquet": (parquet, files("parquet")),
    "CSV": (comma_separated, files("csv")),
    "JSON lines": (json_lines, files("jsonl")),
    "SQL": (warehouse, SQL),
}


def shop_of(tmp_path: Path, reader: str, tables: Mapping[date, Sequence[Row]], **changes: Any) -> Shop:
    """Return a project that reads `tables` by `reader`."""
    folder = tmp_path / reader / "projects" / "shop"
    folder.mkdir(parents=True)
    shop = Shop(folder, LocalStore(f"file://{tmp_path / reader / 'store'}"))
    deliver, source = READERS[reader]
    shop.declare(
        source=source,
        keys=["id"],
        target={"name": "sent_back", "column": "returned", "equals": "Yes"},
        features={"numeric": ["amount", "member", "placed_day"], "categorical": CATEGORICAL},
        window={"label_delay_days": 1, "days": 6, "holdout_days": 2},
        protected=[],
        pii=[],
        unknown_at_prediction=[],
        **changes,
    ).code(FEATURES, EXPECTATIONS)
    for day, rows in tables.items():
        deliver(shop, day, rows)
    return shop


def prepared(shop: Shop, days: Sequence[date]) -> pd.DataFrame:
    shop.prepare(days, connections={"warehouse": SecretStr(f"sqlite:///{database(shop)}")})
    frames = []
    for day in days:
        manifest = read_manifest(shop.store, keys.features_manifest("shop", day))
        assert manifest is not None
        frames.append(get_frame(shop.store, manifest.files[ROWS]))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("seed", range(3))
def test_every_reader_gives_the_same_rows(tmp_path: Path, seed: int) -> None:
    day = DAYS[0]
    rows = rows_of(day, seed)
    found = {reader: prepared(shop_of(tmp_path, reader, {day: rows}), [day]) for reader in READERS}
    expected = found["Parquet"]
    for reader, frame in found.items():
        pd.testing.assert_frame_equal(frame, expected, obj=reader)
    assert expected["id"].tolist() == [row["id"] for row in rows]
    assert expected["zip"].tolist() == [row["zip"] for row in rows]
    assert expected["long_code"].tolist() == [str(row["long_code"]) for row in rows]
    shown = expected["store"].astype("object").where(expected["store"].notna(), None)
    assert shown.tolist() == [None if row["store"] is None else str(row["store"]) for row in rows]
    labels = {"Yes": 1, "No": 0, None: None}
    got = [None if pd.isna(label) else int(label) for label in expected["sent_back"]]
    assert got == [labels[row["returned"]] for row in rows]
    amounts = [None if row["amount"] is None else float(row["amount"]) for row in rows]
    assert [None if np.isnan(value) else value for value in expected["amount"]] == amounts


def test_every_reader_gives_the_same_refusal(tmp_path: Path) -> None:
    tables = {day: rows_of(day, seed=7) for day in DAYS}
    for row in tables[DAYS[1]]:
        row["store"] = "A1" if row["store"] is None else str(row["store"])
    told = set()
    for reader in READERS:
        with pytest.raises(PartitionRejectedError) as caught:
            prepared(shop_of(tmp_path, reader, tables), DAYS)
        told.add(caught.value.problem.got)
    assert told == {
        f"[{DAYS[1]}] columns_are_as_on_other_days(store): text on {DAYS[1]}; integer on {DAYS[0]}, {DAYS[2]}"
    }
