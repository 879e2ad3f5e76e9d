"""Load both demo sources: only what is missing, whole days, and safely from two processes at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from include.config.settings import ROOT
from include.demo_feed import feed
from include.demo_feed.flights import flights_key, weather_key
from include.domain.errors import AsOfError, ConnectionMissingError, StoreError, UnknownProjectError
from include.io.local_store import LocalStore

FIRST, LAST = date(2013, 4, 1), date(2013, 4, 5)
# sys.argv: project, store URL, warehouse URL, first day, last day
LOAD = """
import sys
from datetime import date
from pydantic import SecretStr
from include.demo_feed.feed import load
name, store_url, warehouse, first, last = sys.argv[1:]
print(load(name, date.fromisoformat(first), date.fromisoformat(last), store_url=store_url,
           connections={"telco_warehouse": SecretStr(warehouse)}))
"""

Load = Callable[..., int]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def into_the_folder(name: str, first: date = FIRST, last: date = LAST, **arguments: object) -> int:
        connections = {"telco_warehouse": SecretStr(f"sqlite:///{tmp_path / 'warehouse' / 'telco.db'}")}
        url = f"file://{tmp_path / 'store'}"
        return feed.load(name, first, last, store_url=url, connections=connections, **arguments)  # type: ignore[arg-type]

    return into_the_folder


@pytest.mark.parametrize("name", feed.FEEDS)
def test_only_missing_days_are_delivered(load: Load, name: str) -> None:
    seen: list[tuple[int, int]] = []
    assert load(name, FIRST, LAST, progress=lambda done, total: seen.append((done, total))) == 5
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    seen.clear()
    assert load(name, FIRST, LAST, progress=lambda done, total: seen.append((done, total))) == 0
    assert seen == []
    assert load(name, FIRST - timedelta(days=1), LAST + timedelta(days=2)) == 3


@pytest.mark.parametrize("name", feed.FEEDS)
def test_days_that_are_there_cost_no_reading_of_the_packaged_data(
    load: Load, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(name)
    monkeypatch.setattr("include.demo_feed.flights._packaged_year", lambda: pytest.fail("read"))
    monkeypatch.setattr("include.demo_feed.telco._cycle", lambda: pytest.fail("read"))
    assert load(name) == 0


def test_a_load_that_dies_within_a_day_leaves_no_half_day_and_is_finished_later(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = LocalStore.put

    def full_disk(store: LocalStore, key: str, *arguments: object, **options: object) -> object:
        if key == flights_key(date(2013, 4, 3)):
            raise StoreError(key, "no room on the disk")
        return put(store, key, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "put", full_disk)
    with pytest.raises(StoreError):
        load("flight_delay")
    store = LocalStore(f"file://{tmp_path / 'store'}")
    assert store.exists(flights_key(date(2013, 4, 2)))
    assert store.exists(weather_key(date(2013, 4, 3)))
    assert not store.exists(flights_key(date(2013, 4, 3)))
    monkeypatch.setattr(LocalStore, "put", put)
    assert load("flight_delay") == 3


@pytest.mark.parametrize("name", feed.FEEDS)
def test_two_processes_may_load_at_once(load: Load, tmp_path: Path, name: str) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    both.mkdir()

    def start(folder: Path) -> subprocess.Popen[str]:
        addresses = [f"file://{folder / 'store'}", f"sqlite:///{folder / 'telco.db'}"]
        command = [sys.executable, "-c", LOAD, name, *addresses, "2013-03-01", "2013-03-20"]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    started = [start(both), start(both), start(alone)]
    outputs = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], outputs
    assert int(outputs[0][0]) + int(outputs[1][0]) >= 20
    assert _content(both) == _content(alone)


def _content(folder: Path) -> object:
    database = folder / "telco.db"
    if not database.exists():
        landing = folder / "store" / "landing"
        return {str(path.relative_to(folder)): path.read_bytes() for path in landing.rglob("*.parquet")}
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(database)) as connection:
        tables = ("customers", "contracts", "billing")
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]


def test_an_unknown_feed_is_refused(load: Load) -> None:
    with pytest.raises(UnknownProjectError) as caught:
        load("flight_delays")
    assert str(caught.value) == (
        "the demo feed: no such feed; got: 'flight_delays'; allowed: flight_delay, telco_churn; hint: Did you mean "
        "'flight_delay'?"
    )


def test_days_in_the_wrong_order_are_refused(load: Load) -> None:
    with pytest.raises(AsOfError, match="the first day is after the last; got: 2013-04-05 to 2013-04-01"):
        load("flight_delay", LAST, FIRST)


def test_the_warehouse_needs_its_connection(tmp_path: Path) -> None:
    with pytest.raises(ConnectionMissingError, match="connection 'telco_warehouse': is configured nowhere"):
        feed.load("telco_churn", FIRST, LAST, store_url=f"file://{tmp_path}", connections={})
