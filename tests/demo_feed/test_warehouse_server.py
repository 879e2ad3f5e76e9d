"""Keep the telco warehouse on a real PostgreSQL: its owner writes, the pipeline reads, and nothing else changes."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from pydantic import SecretStr
from sqlalchemy import URL
from sqlalchemy.exc import ProgrammingError

from include.config.discovery import load_project
from include.config.project import Project, SqlSource
from include.config.settings import ROOT
from include.demo_feed import feed
from include.demo_feed.telco import OWNER, WAREHOUSE
from include.domain.errors import NightshiftError, SettingsError, SourceDataError, SourceUnavailableError
from include.domain.results import Origin, PartitionInputs
from include.io import keys
from include.io.manifests import read_manifest
from include.io.sql_source import read_rows
from include.io.stores import open_store
from include.stages import ingest
from tests.support.postgres import binaries, postgres
from tests.support.warehouse import Warehouse, execute, make_warehouse, secret

pytestmark = pytest.mark.integration

FIRST = date(2026, 9, 22)
LAST = FIRST + timedelta(days=6)
TABLES = ("customers", "contracts", "billing")
NUMBERS = itertools.count(1)
# the addresses come by standard input: a command line shows them to everybody
LOAD = """
import json, sys
from datetime import date
from pydantic import SecretStr
from include.demo_feed.feed import load
connections = {name: SecretStr(url) for name, url in json.loads(sys.stdin.read()).items()}
print(load("telco_churn", *map(date.fromisoformat, sys.argv[1:]), store_url="file:///unused", connections=connections,
           progress=lambda done, total: print(f"day {done}", flush=True)))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[URL]:
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server on this machine")
    with postgres(folder) as url:
        yield url


@pytest.fixture(scope="module")
def warehouse(server: URL) -> Warehouse:
    """Return a warehouse with a week of days."""
    made = make_warehouse(server, "week")
    assert load(made.connections()) == 7
    return made


@pytest.fixture
def empty(server: URL) -> Warehouse:
    return make_warehouse(server, f"empty_{next(NUMBERS)}")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SecretStr]:
    """Return the connection of the same week in a file."""
    connections = {WAREHOUSE: SecretStr(f"sqlite:///{tmp_path_factory.mktemp('file') / 'telco.db'}")}
    assert load(connections) == 7
    return connections


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT / "include" / "projects", "telco_churn")


def load(connections: dict[str, SecretStr], first: date = FIRST, last: date = LAST) -> int:
    return feed.load("telco_churn", first, last, store_url="file:///unused", connections=connections)


def read(project: Project, day: date, connections: dict[str, SecretStr]) -> pd.DataFrame:
    assert isinstance(project.source, SqlSource)
    return read_rows(project, project.source, day, connections)


def refusal(kind: type[NightshiftError], project: Project, url: URL) -> str:
    with pytest.raises(kind) as caught:
        read(project, FIRST, {WAREHOUSE: secret(url)})
    return str(caught.value)


def loading(warehouse: Warehouse) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, FIRST.isoformat(), LAST.isoformat()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({name: url.get_secret_value() for name, url in warehouse.connections().items()}))
    process.stdin.close()
    process.stdin = None
    return process


def counts(warehouse: Warehouse) -> dict[str, dict[object, object]]:
    query = "SELECT snapshot_date, count(*) FROM {} GROUP BY snapshot_date"
    return {name: {day: rows for day, rows in execute(warehouse.admin, query.format(name))} for name in TABLES}


def test_a_server_gives_the_rows_and_types_that_a_file_gives(
    warehouse: Warehouse, file: dict[str, SecretStr], project: Project
) -> None:
    for number in range(7):
        day = FIRST + timedelta(days=number)
        ours, theirs = (read(project, day, connections) for connections in (warehouse.connections(), file))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
        assert {type(value) for value in ours.dtypes} == {type(value) for value in theirs.dtypes}
    kinds = {name: str(kind) for name, kind in ours.dtypes.items()}
    assert [kinds[name] for name in ("tenure", "churn", "total_charges")] == ["int64", "str", "float64"]


def test_a_snapshot_of_the_server_has_the_bytes_and_fingerprint_of_one_of_the_file(
    warehouse: Warehouse, file: dict[str, SecretStr], project: Project, tmp_path: Path
) -> None:
    found = []
    for name, connections in (("server", warehouse.connections()), ("file", file)):
        inputs = PartitionInputs(
            as_of=LAST,
            store_url=f"file://{tmp_path / name}",
            tracking_url="",
            connections=connections,
            origin=Origin(run_id=name),
            days=(FIRST, FIRST + timedelta(days=1), LAST),
        )
        ingest.run(project, inputs)
        store = open_store(inputs.store_url)
        manifests = [read_manifest(store, keys.raw_manifest(project.name, day)) for day in inputs.days]
        found.append([(each.fingerprint, each.files["rows"].sha256, each.details) for each in manifests if each])
    assert len(found[0]) == 3
    assert found[0] == found[1]


def test_the_pipelines_user_may_read_and_nothing_else(warehouse: Warehouse) -> None:
    assert execute(warehouse.reader, "SELECT count(DISTINCT snapshot_date) FROM billing") == [(7,)]
    for statement in ("DELETE FROM billing", "UPDATE billing SET monthly_charges = 0", "CREATE TABLE mine (id int)"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            execute(warehouse.reader, statement)


def test_the_owners_connection_too_only_reads_when_a_project_reads(warehouse: Warehouse, project: Project) -> None:
    assert isinstance(project.source, SqlSource)
    writing = project.source.model_copy(update={"query": "DELETE FROM billing WHERE snapshot_date = :date RETURNING 1"})
    with pytest.raises(SourceDataError, match="cannot execute DELETE in a read-only transaction"):
        read_rows(project, writing, FIRST, {WAREHOUSE: secret(warehouse.owner)})
    assert FIRST.isoformat() in counts(warehouse)["billing"]


def test_a_reader_asks_for_days_that_are_there_but_cannot_deliver_others(warehouse: Warehouse) -> None:
    reader = {WAREHOUSE: secret(warehouse.reader)}
    assert load(reader) == 0
    with pytest.raises(SourceUnavailableError) as caught:
        load(reader, LAST, LAST + timedelta(days=1))
    assert "connection 'telco_warehouse': the warehouse does not take the demo data" in str(caught.value)
    assert (
        f"permission denied for table customers; hint: is it running, and may the user create tables? On a server \
the feed writes by connection '{OWNER}'"
        in str(caught.value)
    )
    assert (LAST + timedelta(days=1)).isoformat() not in counts(warehouse)["customers"]


def test_a_reader_that_comes_later_is_let_in_by_the_next_delivery(empty: Warehouse, project: Project) -> None:
    assert load({OWNER: secret(empty.owner)}, FIRST, FIRST) == 1
    found = refusal(SourceDataError, project, empty.reader)
    assert "the warehouse refuses the query; got: postgresql+psycopg://" in found
    assert "permission denied for table" in found
    assert "hint: the connection's user needs SELECT on every table of source.query, and nothing more" in found
    assert load(empty.connections(), FIRST, FIRST) == 0
    assert len(read(project, FIRST, empty.connections())) == 100


def test_two_processes_at_once_deliver_each_day_once(empty: Warehouse) -> None:
    processes = [loading(empty), loading(empty)]
    delivered = [int(process.communicate()[0].split()[-1]) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(delivered) == 7
    found = counts(empty)
    assert len(found["customers"]) == 7
    assert found["customers"] == found["contracts"] == found["billing"]


def test_a_killed_delivery_leaves_whole_days_and_the_next_one_finishes(empty: Warehouse) -> None:
    process = loading(empty)
    assert process.stdout is not None
    assert process.stdout.readline() == "day 1\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    found = counts(empty)
    assert 1 <= len(found["customers"]) <= 7
    assert found["customers"] == found["contracts"] == found["billing"]
    assert load(empty.connections()) == 7 - len(found["customers"])


def test_a_wrong_password_is_told_without_showing_it_and_is_not_tried_again(
    warehouse: Warehouse, project: Project
) -> None:
    wrong = warehouse.reader.set(password="not-the-secret").update_query_dict({"sslpassword": "nor-this-one"})
    found = refusal(SettingsError, project, wrong)
    assert "connection 'telco_warehouse': the warehouse refuses the connection's user; got: postgresql+psycopg" in found
    assert "password authentication failed" in found
    assert "hint: compare login, password and schema (the database) of the connection with the warehouse's" in found
    assert "not-the-secret" not in found
    assert "nor-this-one" not in found
    with pytest.raises(SettingsError) as caught:
        load({**warehouse.connections(), OWNER: secret(warehouse.owner.set(password="not-the-secret"))})
    assert "connection 'telco_warehouse_owner': the warehouse refuses the connection's user" in str(caught.value)
    assert "not-the-secret" not in str(caught.value)
    assert not SettingsError.retryable


def test_a_database_that_is_not_there_is_a_matter_of_settings(warehouse: Warehouse, project: Project) -> None:
    assert 'database "nowhere" does not exist' in refusal(
        SettingsError, project, warehouse.reader.set(database="nowhere")
    )


def test_a_server_that_stops_is_unavailable_and_is_tried_again(project: Project) -> None:
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server on this machine")
    with postgres(folder) as url:
        gone = url
    found = refusal(SourceUnavailableError, project, gone)
    assert "the warehouse does not answer; got: postgresql+psycopg://tester:***@127.0.0.1" in found
    assert str(gone.password) not in found
    assert SourceUnavailableError.retryable
