"""Check the replayed warehouse: stable days, every customer once a cycle, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool

from include.demo_feed.telco import CYCLE_DAYS, deliver_snapshots, slot_of
from include.domain.errors import SourceUnavailableError
from tests.support.postgres import binaries, postgres

FIRST = date(2026, 9, 22)
LAST = FIRST + timedelta(days=CYCLE_DAYS + 9)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """Return a warehouse loaded for a cycle and ten days more."""
    if request.param == "sqlite":
        url = URL.create("sqlite", database=str(tmp_path_factory.mktemp("warehouse") / "new folder" / "telco.db"))
        assert deliver_snapshots(FIRST, LAST, url) == CYCLE_DAYS + 10
        yield url
        return
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server on this machine")
    with postgres(folder) as url:
        assert deliver_snapshots(FIRST, LAST, url) == CYCLE_DAYS + 10
        yield url


def rows(url: URL, query: str) -> list[Any]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def days_of_customers(url: URL, first: date, days: int) -> list[Any]:
    last = first + timedelta(days=days - 1)
    return rows(url, f"SELECT customer_id FROM billing WHERE snapshot_date BETWEEN '{first}' AND '{last}'")


@pytest.mark.parametrize("offset", [0, 4, 10])
def test_any_sixty_days_hold_each_customer_exactly_once(warehouse: URL, offset: int) -> None:
    found = Counter(days_of_customers(warehouse, FIRST + timedelta(days=offset), CYCLE_DAYS))
    assert len(found) == 7043
    assert set(found.values()) == {1}


def test_a_customer_comes_back_unchanged_after_a_cycle(warehouse: URL) -> None:
    query = "SELECT customer_id, monthly_charges, total_charges, payment_method FROM billing WHERE snapshot_date = '{}'"
    early = rows(warehouse, query.format(FIRST))
    assert len(early) == 100
    assert sorted(rows(warehouse, query.format(FIRST + timedelta(days=CYCLE_DAYS)))) == sorted(early)


def test_the_departments_know_the_same_customers(warehouse: URL) -> None:
    ids = [rows(warehouse, f"SELECT customer_id, snapshot_date FROM {name}") for name in ("customers", "contracts")]
    assert sorted(ids[0]) == sorted(ids[1]) == sorted(rows(warehouse, "SELECT customer_id, snapshot_date FROM billing"))


def test_the_numbers_are_those_of_the_sample(warehouse: URL) -> None:
    cycle = f"snapshot_date < '{FIRST + timedelta(days=CYCLE_DAYS)}'"
    assert rows(warehouse, f"SELECT count(*) FROM contracts WHERE churn = 'Yes' AND {cycle}") == [(1869,)]
    assert rows(warehouse, f"SELECT count(*) FROM customers WHERE senior_citizen = 1 AND {cycle}") == [(1142,)]
    nothing_billed = f"SELECT count(*) FROM billing WHERE total_charges IS NULL AND {cycle}"
    assert rows(warehouse, nothing_billed) == [(11,)]
    assert len(rows(warehouse, f"SELECT DISTINCT customer_id FROM customers WHERE {cycle}")) == 7043


def test_exact_copies_share_a_day(warehouse: URL) -> None:
    columns = (
        "tenure, contract, multiple_lines, internet_service, payment_method, monthly_charges, total_charges, churn"
    )
    copies = rows(
        warehouse,
        f"""SELECT {columns}, female, senior_citizen, partner, dependents, phone_service, paperless_billing,
            online_security, online_backup, device_protection, tech_support, streaming_tv, streaming_movies,
            count(*), count(DISTINCT snapshot_date)
            FROM customers JOIN contracts USING (customer_id, snapshot_date)
            JOIN billing USING (customer_id, snapshot_date)
            WHERE snapshot_date < '{FIRST + timedelta(days=CYCLE_DAYS)}'
            GROUP BY {columns}, female, senior_citizen, partner, dependents, phone_service, paperless_billing,
            online_security, online_backup, device_protection, tech_support, streaming_tv, streaming_movies
            HAVING count(*) > 1""",
    )
    assert sum(row[-2] - 1 for row in copies) == 22
    assert {row[-1] for row in copies} == {1}


def test_the_day_of_a_customer_never_changes() -> None:
    # fixed values: on any machine, with any Python
    assert [slot_of({"tenure": 1, "churn": "No"}), slot_of({"churn": "No", "tenure": 1})] == [0, 0]
    assert slot_of({"tenure": 2, "churn": "No"}) == 7


def test_a_day_delivered_in_part_is_rolled_back(tmp_path: Path) -> None:
    url = URL.create("sqlite", database=str(tmp_path / "telco.db"))
    deliver_snapshots(FIRST, FIRST, url)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        # as if the next day's last table could not be written
        connection.execute(text("DROP TABLE billing"))
        connection.execute(text("CREATE VIEW billing AS SELECT * FROM contracts"))
    engine.dispose()
    with pytest.raises(SourceUnavailableError, match="the warehouse does not take the demo data"):
        deliver_snapshots(FIRST + timedelta(days=1), FIRST + timedelta(days=1), url)
    assert rows(url, "SELECT DISTINCT snapshot_date FROM customers") == [(FIRST.isoformat(),)]


def test_a_warehouse_that_does_not_listen_is_unavailable_and_its_password_is_not_shown() -> None:
    url = URL.create("postgresql+psycopg", "user", "very-secret", "127.0.0.1", 1, "shop", {"connect_timeout": "5"})
    with pytest.raises(SourceUnavailableError) as caught:
        deliver_snapshots(FIRST, FIRST, url)
    assert "very-secret" not in str(caught.value)
    assert str(caught.value).startswith(
        "the demo feed: connection 'telco_warehouse': the warehouse does not take the demo data"
    )
