"""What a backfill leaves out, who owns it, and how it is ended: on a real database of Airflow, without a scheduler."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.airflow_client import backfill
from include.airflow_client.backfill import BackfillRequest, left_out, refuse_second_early, states_of_days
from include.airflow_client.run_locks import RunLock, lock_run, others_need, pause_again, run_locks, unpaused
from include.config.settings import DATABASE_STAMP, database_file
from include.domain.errors import AirflowApiError, SettingsError, StackError
from include.io.processes import ProcessId

DAG_ID = "shop__retrain"
FIRST, LAST = date(2013, 4, 1), date(2013, 4, 3)
DAYS = [FIRST, date(2013, 4, 2), LAST]
REQUEST = BackfillRequest(DAG_ID, FIRST, LAST)


class Airflow:
    """Answer as Airflow's REST API does, from memory: what is tested is what we ask of it, and in which order."""

    url = "http://airflow"

    def __init__(self) -> None:
        self.active: dict[str, Any] | None = None
        self.paused = True
        self.runs: dict[str, dict[str, Any]] = {}
        self.refusal: AirflowApiError | None = None
        # the state that a scheduler writes over a run that was just failed, once
        self.overwritten: dict[str, str] = {}
        # how often it still answers that its database is locked
        self.locked = 0

    def active_backfill(self, dag_id: str) -> dict[str, Any] | None:
        return self.active

    def create_backfill(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            raise self.refusal
        self.active = {"id": 7, "from_date": body["from_date"], "to_date": body["to_date"]}
        for day in DAYS:
            self.runs[f"backfill {day}"] = {
                "dag_run_id": f"backfill {day}",
                "partition_key": str(day),
                "state": "queued",
                "queued_at": "2026-01-02T00:00:01+00:00",
                "start_date": None,
                "end_date": None,
            }
        return {"id": 7, "created_at": "2026-01-02T00:00:00+00:00"}

    def cancel_backfill(self, number: int) -> None:
        assert number == 7
        self.active = None
        for run in self.runs.values():
            if run["state"] == "queued":
                run["state"] = "failed"

    def every_run(self, dag_id: str, **query: Any) -> list[dict[str, Any]]:
        states = query.get("state", ("queued", "running", "success", "failed"))
        return [run for run in self.runs.values() if run["state"] in states]

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return self.runs[run_id]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return []

    def fail_run(self, dag_id: str, run_id: str, note: str) -> None:
        if self.locked:
            self.locked -= 1
            raise AirflowApiError("PATCH", "Airflow answered 500", status=500, got="database is locked")
        self.runs[run_id] |= {"state": self.overwritten.pop(run_id, "failed"), "note": note}

    def dag(self, dag_id: str) -> dict[str, Any]:
        return {"is_paused": self.paused}

    def set_paused(self, dag_id: str, paused: bool) -> None:
        self.paused = paused


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(backfill, "POLL_SECONDS", 0.01)
    return Airflow()


def of_the_dead(home: Path, kind: Any, dag_id: str = DAG_ID) -> RunLock:
    """Return the claim of a command that was killed."""
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = ProcessId.of(process.pid)
        process.kill()
    mine = lock_run(home, kind, dag_id)
    mine.file.write_text(mine.model_copy(update={"owner": owner}).model_dump_json(), encoding="utf-8")
    return mine


@pytest.mark.parametrize(
    ("reprocess", "expected"),
    [
        ("none", {FIRST: "success", LAST: "failed"}),
        ("failed", {FIRST: "success"}),
        ("completed", {}),
    ],
)
def test_days_that_have_run_are_left_out_as_asked(reprocess: Any, expected: dict[date, str]) -> None:
    assert left_out(DAYS, {FIRST: "success", LAST: "failed"}, reprocess) == expected


@pytest.mark.parametrize("reprocess", ["none", "failed", "completed"])
def test_a_day_that_runs_now_is_always_left_out(reprocess: Any) -> None:
    assert left_out(DAYS, {FIRST: "running", LAST: "queued"}, reprocess) == {FIRST: "running", LAST: "queued"}


def test_the_newest_run_of_a_day_counts(tmp_path: Path) -> None:
    assert states_of_days(tmp_path, DAG_ID, FIRST, LAST) == {}
    file = database_file(tmp_path)
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE dag_run (dag_id, partition_key, state, start_date)")
        rows = [
            (DAG_ID, "2013-04-01", "failed", "2026-01-01 10:00:00"),
            (DAG_ID, "2013-04-01", "success", "2026-01-02 10:00:00"),
            (DAG_ID, "2013-04-02", "queued", None),
            (DAG_ID, "2013-04-09", "success", "2026-01-01 10:00:00"),
            (DAG_ID, None, "success", "2026-01-01 10:00:00"),
            ("bank__retrain", "2013-04-03", "success", "2026-01-01 10:00:00"),
        ]
        connection.executemany("INSERT INTO dag_run VALUES (?, ?, ?, ?)", rows)
    # a database that is only being made is none
    assert states_of_days(tmp_path, DAG_ID, FIRST, LAST) == {}
    (file.parent / DATABASE_STAMP).touch()
    assert states_of_days(tmp_path, DAG_ID, FIRST, LAST) == {FIRST: "success", DAYS[1]: "queued"}
    # what waits for a command that was killed will not run any more
    of_the_dead(tmp_path, "backfill")
    assert states_of_days(tmp_path, DAG_ID, FIRST, LAST) == {FIRST: "success", DAYS[1]: "failed"}


def test_a_second_backfill_of_a_dag_is_refused_and_left_alone(airflow: Any, tmp_path: Path) -> None:
    airflow.active = {"id": 3, "from_date": "2013-01-01T00:00:00Z", "to_date": "2013-12-01T00:00:00Z"}
    airflow.runs["backfill of May"] = {"state": "queued"}
    with pytest.raises(SettingsError) as raised:
        backfill.create(airflow, REQUEST, tmp_path)
    assert str(raised.value) == (
        "backfill of shop__retrain: another backfill of this Dag is active, and Airflow takes one at a time; "
        "got: backfill 3, 2013-01-01 to 2013-12-01; "
        "hint: wait for it, or cancel it in the UI of ./nightshift up, on the page of the Dag"
    )
    assert run_locks(tmp_path, "backfill") == []
    assert airflow.active is not None


def test_a_backfill_is_refused_before_a_stack_is_started_when_another_waits(tmp_path: Path) -> None:
    refuse_second_early(tmp_path, DAG_ID)
    file = database_file(tmp_path)
    file.parent.mkdir()
    (file.parent / DATABASE_STAMP).touch()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE backfill (id, dag_id, from_date, to_date, completed_at)")
        connection.execute("CREATE TABLE dag_run (backfill_id, state)")
        rows = [
            (1, DAG_ID, "2013-01-01 00:00:00", "2013-12-01 00:00:00", "2026-01-01"),
            (2, DAG_ID, "2013-01-01 00:00:00", "2013-12-01 00:00:00", None),  # its runs have ended
            (3, "bank__retrain", "2013-01-01 00:00:00", "2013-12-01 00:00:00", None),
        ]
        connection.executemany("INSERT INTO backfill VALUES (?, ?, ?, ?, ?)", rows)
        connection.executemany("INSERT INTO dag_run VALUES (?, ?)", [(1, "queued"), (2, "success"), (3, "queued")])
    refuse_second_early(tmp_path, DAG_ID)
    with pytest.raises(SettingsError, match="got: backfill 3, 2013-01-01 to 2013-12-01"):
        refuse_second_early(tmp_path, "bank__retrain")
    of_the_dead(tmp_path, "backfill", "bank__retrain")
    refuse_second_early(tmp_path, "bank__retrain")


def test_a_backfill_whose_runs_have_ended_is_closed_and_blocks_nothing(airflow: Any, tmp_path: Path) -> None:
    airflow.active = {"id": 7, "from_date": "2013-01-01T00:00:00Z", "to_date": "2013-12-01T00:00:00Z"}
    created = backfill.create(airflow, REQUEST, tmp_path)
    for run in airflow.runs.values():
        run["state"] = "success"
    with backfill.ended_with_us(airflow, created, pytest.fail):
        assert airflow.active is not None
    assert airflow.active is None
    assert run_locks(tmp_path, "backfill") == []


def test_a_backfill_that_airflow_refuses_is_nobodys(airflow: Any, tmp_path: Path) -> None:
    airflow.refusal = AirflowApiError("POST", "Airflow answered 422", status=422, got="no")
    with pytest.raises(AirflowApiError):
        backfill.create(airflow, REQUEST, tmp_path)
    assert run_locks(tmp_path, "backfill") == []


def test_each_run_is_told_of_once_when_it_has_ended(airflow: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(backfill, "POLL_SECONDS", 0)
    created = backfill.create(airflow, REQUEST, tmp_path)
    assert [run.day for run in created.runs] == DAYS
    began = {"start_date": "2026-01-02T00:00:02+00:00"}
    ended = {**began, "end_date": "2026-01-02T00:00:12+00:00"}
    # how the runs stand at each look: the second ends without having been seen to run
    looks = iter(
        [
            {DAYS[0]: {**began, "state": "running"}},
            {DAYS[0]: {**ended, "state": "success"}, DAYS[2]: {**began, "state": "running"}},
            {DAYS[1]: {**ended, "state": "failed"}},
            {DAYS[2]: {**ended, "state": "success"}},
            {},
            {},
        ]
    )

    def go_on() -> None:
        for day, change in next(looks).items():
            airflow.runs[f"backfill {day}"] |= change

    shown: list[Any] = []
    told = [(run.day, run.state, run.seconds) for run in backfill.follow(airflow, created, shown.append, go_on)]
    assert sorted(told) == [(DAYS[0], "success", 10.0), (DAYS[1], "failed", 10.0), (DAYS[2], "success", 10.0)]
    assert [run.state for run in shown[-1]] == ["success", "failed", "success"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(130), RuntimeError("a bug")])
def test_what_interrupts_the_command_ends_the_backfill(airflow: Any, tmp_path: Path, error: BaseException) -> None:
    created = backfill.create(airflow, REQUEST, tmp_path)
    airflow.runs["backfill 2013-04-01"]["state"] = "success"
    airflow.runs["backfill 2013-04-02"]["state"] = "running"
    told: list[int] = []
    with pytest.raises(type(error)), backfill.ended_with_us(airflow, created, told.append):
        raise error
    assert told == [2]
    assert airflow.active is None
    assert [run["state"] for run in airflow.runs.values()] == ["success", "failed", "failed"]
    assert "was interrupted" in airflow.runs["backfill 2013-04-02"]["note"]
    assert run_locks(tmp_path, "backfill") == []


def test_a_run_that_the_scheduler_calls_a_success_as_it_is_ended_is_failed_all_the_same(
    airflow: Any, tmp_path: Path
) -> None:
    backfill.create(airflow, REQUEST, tmp_path)
    first = f"backfill {FIRST}"
    airflow.runs[first]["state"] = "running"
    # it has looked at the run before, and writes after us what it makes of skipped tasks
    airflow.overwritten = {first: "success"}
    assert backfill.end(airflow, DAG_ID, "interrupted") == 3
    assert airflow.overwritten == {}
    assert {run["state"] for run in airflow.runs.values()} == {"failed"}


def test_a_database_that_is_locked_for_a_while_does_not_keep_runs_from_being_ended(
    airflow: Any, tmp_path: Path
) -> None:
    backfill.create(airflow, REQUEST, tmp_path)
    first = f"backfill {FIRST}"
    airflow.runs[first]["state"] = "running"
    airflow.locked = 2
    assert backfill.end(airflow, DAG_ID, "interrupted") == 3
    assert airflow.runs[first]["state"] == "failed"
    airflow.runs[first]["state"] = "running"
    airflow.locked = 1000
    with pytest.raises(AirflowApiError, match="database is locked"):
        backfill.end(airflow, DAG_ID, "interrupted")


def test_when_the_stack_has_died_the_next_command_ends_the_backfill(airflow: Any, tmp_path: Path) -> None:
    created = backfill.create(airflow, REQUEST, tmp_path)
    with pytest.raises(StackError), backfill.ended_with_us(airflow, created, lambda count: None):
        raise StackError("scheduler", "the program ended by itself")
    assert airflow.active is not None
    assert run_locks(tmp_path, "backfill") == [created.lock]


def test_the_next_command_ends_what_a_killed_one_left(airflow: Any, tmp_path: Path) -> None:
    backfill.create(airflow, REQUEST, tmp_path).lock.release()
    of_the_dead(tmp_path, "backfill")
    assert backfill.end_left(airflow, tmp_path) == [
        "ended the backfill of shop__retrain whose command was killed: 3 runs unfinished"
    ]
    assert airflow.active is None
    assert {run["state"] for run in airflow.runs.values()} == {"failed"}
    assert backfill.end_left(airflow, tmp_path) == []


def test_a_backfill_whose_command_lives_is_left_alone(airflow: Any, tmp_path: Path) -> None:
    created = backfill.create(airflow, REQUEST, tmp_path)
    assert created.lock.owner == ProcessId.of(os.getpid())
    assert backfill.end_left(airflow, tmp_path) == []
    assert airflow.active is not None


def test_the_last_command_that_needs_a_dag_pauses_it(airflow: Any, tmp_path: Path) -> None:
    with unpaused(airflow, DAG_ID, tmp_path) as first:
        assert not others_need(tmp_path, DAG_ID)
        with unpaused(airflow, DAG_ID, tmp_path) as second:
            assert (first, second, airflow.paused) == (True, True, False)
            assert others_need(tmp_path, DAG_ID)
        assert not airflow.paused
    assert airflow.paused
    assert run_locks(tmp_path, "unpaused") == []


def test_a_dag_that_runs_by_the_clock_goes_on_to(airflow: Any, tmp_path: Path) -> None:
    airflow.paused = False
    with unpaused(airflow, DAG_ID, tmp_path) as was_paused:
        assert not was_paused
    assert not airflow.paused


def test_what_a_killed_command_left_unpaused_is_paused_by_the_next(airflow: Any, tmp_path: Path) -> None:
    airflow.paused = False
    of_the_dead(tmp_path, "unpaused")
    with unpaused(airflow, DAG_ID, tmp_path) as was_paused:
        assert was_paused
    assert airflow.paused
    assert run_locks(tmp_path, "unpaused") == []


def test_what_killed_commands_left_unpaused_is_paused_before_a_scheduler_runs(tmp_path: Path) -> None:
    file = database_file(tmp_path)
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE dag (dag_id, is_paused)")
        connection.executemany("INSERT INTO dag VALUES (?, 0)", [(DAG_ID,), ("bank__retrain",), ("other__retrain",)])
    for dag_id in (DAG_ID, "bank__retrain"):
        of_the_dead(tmp_path, "unpaused", dag_id)
    assert pause_again(tmp_path) == "bank__retrain, shop__retrain"
    with closing(sqlite3.connect(file)) as connection:
        assert dict(connection.execute("SELECT * FROM dag")) == {DAG_ID: 1, "bank__retrain": 1, "other__retrain": 0}
    assert pause_again(tmp_path) == ""


def test_a_claim_is_private_and_knows_its_process(tmp_path: Path) -> None:
    mine = lock_run(tmp_path, "backfill", DAG_ID)
    assert mine.file.stat().st_mode & 0o777 == 0o600
    assert mine.owner.started == psutil.Process().create_time()
    assert run_locks(tmp_path, "backfill", "bank__retrain") == []
    mine.release()
    mine.release()
    assert run_locks(tmp_path, "backfill") == []
