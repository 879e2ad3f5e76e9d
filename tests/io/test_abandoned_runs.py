"""A killed training leaves its MLflow run open; another one closes it, and never that of a living process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from include.io.tracking import OWNER_TAG, RunOwner, Tracking, is_gone, parse_owner, this_process
from include.io.tracking_database import busy_safe
from tests.support.killing import warm_context
from tests.support.tracking import copy_prepared

LONGEST = timedelta(hours=2)
NOW = datetime(2013, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path, prepared_tracking: Path) -> str:
    return copy_prepared(prepared_tracking, tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> str:
    return f"file://{tmp_path}/mlflow"


@pytest.fixture
def tracking(url: str, root: str) -> Tracking:
    return Tracking(url, "parcels", root)


@pytest.fixture
def client(url: str) -> MlflowClient:
    return MlflowClient(busy_safe(url), busy_safe(url))


def _train_until_killed(url: str, root: str, started: str) -> None:
    run = Tracking(url, "parcels", root).start("killed", "killed", {})
    Path(started).write_text(run.run_id)
    time.sleep(120)


def _kill_in_a_run(url: str, root: str, folder: Path) -> str:
    note = folder / "started"
    child = warm_context().Process(target=_train_until_killed, args=(url, root, str(note)))
    child.start()
    while not note.exists() or not note.read_text():
        assert child.is_alive()
        time.sleep(0.02)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    return note.read_text()


def _other_host(since: datetime) -> str:
    return RunOwner(host="another.example", pid=os.getpid(), started=0.0, since=since).model_dump_json()


def test_the_run_of_a_killed_process_is_closed_with_the_reason_and_a_living_ones_is_left(
    tracking: Tracking, client: MlflowClient, url: str, root: str, tmp_path: Path
) -> None:
    alive = tracking.start("alive", "alive", {})
    killed = _kill_in_a_run(url, root, tmp_path)
    assert client.get_run(killed).info.status == "RUNNING"
    assert tracking.close_abandoned("run scheduled__2013-05-02", LONGEST) == [killed]
    run = client.get_run(killed)
    assert run.info.status == "FAILED"
    assert run.info.end_time is not None
    assert run.data.tags["failure"] == "the process that trained it is gone; closed by run scheduled__2013-05-02"
    assert client.get_run(alive.run_id).info.status == "RUNNING"
    assert tracking.close_abandoned("run 3", LONGEST) == []


def test_a_run_that_was_taken_up_belongs_to_the_one_who_took_it(
    tracking: Tracking, client: MlflowClient, url: str, root: str, tmp_path: Path
) -> None:
    killed = _kill_in_a_run(url, root, tmp_path)
    assert tracking.start("killed", "again", {}).run_id == killed
    assert tracking.close_abandoned("run 2", LONGEST) == []
    owner = parse_owner(client.get_run(killed).data.tags[OWNER_TAG])
    assert owner is not None and owner.pid == os.getpid()


@pytest.mark.parametrize(
    ("hours", "closed"), [pytest.param(1.9, False, id="it may be at work"), pytest.param(2.1, True, id="too long")]
)
def test_a_process_of_another_machine_is_gone_after_the_longest_training(
    tracking: Tracking, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, hours: float, closed: bool
) -> None:
    run = tracking.start("far", "far", {}).run_id
    client.set_tag(run, OWNER_TAG, _other_host(NOW - timedelta(hours=hours)))
    monkeypatch.setenv("NIGHTSHIFT_NOW", NOW.isoformat())
    assert tracking.close_abandoned("run 2", LONGEST) == ([run] if closed else [])


@pytest.mark.parametrize("tag", [None, "", "somebody"])
def test_a_run_that_names_no_process_goes_by_its_age(
    tracking: Tracking, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, tag: str | None
) -> None:
    run = tracking.start("old", "old", {}).run_id
    client.delete_tag(run, OWNER_TAG)
    if tag is not None:
        client.set_tag(run, OWNER_TAG, tag)
    assert tracking.close_abandoned("run 2", LONGEST) == []
    monkeypatch.setenv("NIGHTSHIFT_NOW", (datetime.now(UTC) + timedelta(hours=3)).isoformat())
    assert tracking.close_abandoned("run 3", LONGEST) == [run]


def test_a_process_is_told_by_its_number_and_its_start() -> None:
    me = this_process()
    assert not is_gone(me, LONGEST)
    # another process has the number by now
    assert is_gone(me.model_copy(update={"started": me.started - 60}), LONGEST)
    free = next(number for number in range(2**22 - 1, 0, -1) if not psutil.pid_exists(number))
    assert is_gone(me.model_copy(update={"pid": free}), LONGEST)


def test_a_killed_process_that_nobody_has_waited_for_is_gone() -> None:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    child.start()
    assert child.pid is not None
    owner = this_process().model_copy(update={"pid": child.pid, "started": psutil.Process(child.pid).create_time()})
    assert not is_gone(owner, LONGEST)
    os.kill(child.pid, signal.SIGKILL)
    end = time.monotonic() + 30
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.01)
    assert is_gone(owner, LONGEST)
    child.join()
