"""Read days by SQL from a real SQLite and, where the machine has one, a real PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from pydantic import SecretStr
from sqlalchemy import NullPool, create_engine, text

from include.config.project import Project, SqlSource
from include.domain.errors import (
    ConnectionMissingError,
    NightshiftError,
    SettingsError,
    SourceDataError,
    SourceUnavailableError,
)
from include.io import sql_source
from include.io.local_store import LocalStore
from include.io.sources import read_source
from tests.support.postgres import binaries, postgres

DAY = date(2024, 3, 1)
QUERY = "SELECT id, amount, day FROM orders WHERE day = :date ORDER BY id"
ROWS = [("a", 1.5, "2024-03-01"), ("b", None, "2024-03-01"), ("c", 2.0, "2024-03-02")]


def fill(url: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id VARCHAR(5), amount FLOAT, day VARCHAR(10))"))
        for row in ROWS:
            connection.execute(
                text("INSERT INTO orders VALUES (:id, :amount, :day)"),
                dict(zip(("id", "amount", "day"), row, strict=True)),
            )
    engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a warehouse with three orders of two days."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path_factory.mktemp('ware house') / 'shop.db'}"
        fill(address)
        yield address
        return
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server on this machine")
    with postgres(folder) as found:
        address = found.render_as_string(hide_password=False)
        fill(address)
        yield address


def read(url: str, query: str = QUERY, day: date = DAY) -> pd.DataFrame:
    project = Project.model_construct(
        name="shop", source=SqlSource.model_construct(kind="sql", connection="warehouse", query=query)
    )
    return read_source(project, day, LocalStore("file:///unused"), {"warehouse": SecretStr(url)})["rows"]


def refusal(kind: type[NightshiftError], url: str, query: str = QUERY, day: date = DAY) -> str:
    with pytest.raises(kind) as caught:
        read(url, query, day)
    return str(caught.value)


def test_the_rows_of_one_day_come_with_plain_types(url: str) -> None:
    frame = read(url)
    assert frame["id"].tolist() == ["a", "b"]
    assert frame["amount"].tolist()[0] == 1.5
    assert frame["amount"].isna().tolist() == [False, True]
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {"id": "str", "amount": "float64", "day": "str"}


def test_the_day_is_a_bound_value_and_a_cast_is_none(url: str) -> None:
    assert len(read(url, "SELECT id, :date AS asked FROM orders WHERE day = :date")) == 2
    assert read(url, "SELECT CAST(:date AS VARCHAR(10)) AS day")["day"].tolist() == ["2024-03-01"]


def test_two_columns_of_one_name_are_refused(url: str) -> None:
    query = "SELECT id, amount, amount + 1 AS amount FROM orders WHERE day = :date"
    assert "two columns have one name; got: 'amount'" in refusal(SourceDataError, url, query)


def test_no_rows_of_the_day_are_refused(url: str) -> None:
    found = refusal(SourceDataError, url, day=date(2024, 3, 9))
    assert found.startswith(
        "shop/2024-03-09: connection 'warehouse': the query selects no rows for this day; got: 0 rows"
    )
    assert "allowed: at least 1 row; hint: the warehouse has not been loaded for this day yet" in found


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM nothing WHERE day = :date",
        "SELECT wrong FROM orders WHERE day = :date",
        "SELEC id FROM orders WHERE day = :date",
    ],
)
def test_a_wrong_query_is_refused_for_good(url: str, query: str) -> None:
    found = refusal(SourceDataError, url, query)
    assert found.startswith("shop/2024-03-01: connection 'warehouse': the warehouse refuses the query; got: ")
    assert "hint: compare source.query in project.yaml with the warehouse's tables; the query may only read" in found


@pytest.mark.parametrize(
    "query", ["DELETE FROM orders WHERE day = :date", "DELETE FROM orders WHERE day = :date RETURNING id"]
)
def test_a_query_that_writes_is_refused_and_changes_nothing(url: str, query: str) -> None:
    found = refusal(SourceDataError, url, query)
    assert "the warehouse refuses the query" in found
    assert len(read(url)) == 2


def test_a_missing_sqlite_file_is_unavailable_and_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    found = refusal(SourceUnavailableError, f"sqlite:///{path}")
    assert found == (
        f"shop/2024-03-01: connection 'warehouse': the warehouse does not answer; got: sqlite:///{path}: "
        "OperationalError: unable to open database file; hint: is it running, and is the connection's address right?"
    )
    assert not path.exists()
    assert SourceUnavailableError.retryable


def test_a_locked_sqlite_file_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_source, "SQLITE_TIMEOUT_SECONDS", 0.1)
    path = tmp_path / "shop.db"
    fill(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert "OperationalError: database is locked" in refusal(SourceUnavailableError, f"sqlite:///{path}")


def test_a_server_that_does_not_listen_is_unavailable_and_no_password_is_shown() -> None:
    found = refusal(SourceUnavailableError, "postgresql+psycopg://user:very-secret@127.0.0.1:1/shop?connect_timeout=5")
    assert "the warehouse does not answer; got: postgresql+psycopg://user:***@127.0.0.1:1/shop" in found
    assert "very-secret" not in found


@pytest.mark.parametrize(
    "url", ["no url of very-secret", "oracle9://user:very-secret@host/db", "nosuch+driver://very-secret@h"]
)
def test_a_url_of_no_use_is_refused_without_showing_it(url: str) -> None:
    found = refusal(SettingsError, url)
    assert found.startswith("connection 'warehouse': its URL is not one SQLAlchemy can use here; got: ")
    assert "very-secret" not in found


def test_an_unknown_connection_is_refused() -> None:
    project = Project.model_construct(
        name="shop", source=SqlSource.model_construct(kind="sql", connection="warehouse", query=QUERY)
    )
    with pytest.raises(ConnectionMissingError) as caught:
        read_source(project, DAY, LocalStore("file:///unused"), {"other": SecretStr("sqlite:///x")})
    assert str(caught.value) == (
        "connection 'warehouse': is configured nowhere; got: no such connection; allowed: other; hint: declare it in "
        "airflow_settings.yaml or set AIRFLOW_CONN_WAREHOUSE"
    )
