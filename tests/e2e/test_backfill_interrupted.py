"""A backfill on a stack of its own that is killed, then interrupted, then goes on: nothing is left, nothing is lost."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from include.airflow_client.api import AirflowApi
from include.config.credentials import load_credentials
from include.stack.state_directory import read_state
from tests.e2e.door import Door, copied_projects, edit, schedule_far_from_now, wait_for

pytestmark = pytest.mark.e2e

PROJECT, DAG_ID = "telco_churn", "telco_churn__retrain"
# a short window: this is about the path, not about the model
DAYS = ("2013-06-29", "2013-06-30", "--window-days", "30")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    projects = copied_projects(tmp_path_factory.mktemp("projects"), PROJECT)
    edit(
        projects / PROJECT / "project.yaml",
        schedule_far_from_now(),
        (r"trials: \d+", "trials: 1"),
        (r"folds: \d+", "folds: 2"),
    )
    door = Door(tmp_path_factory.mktemp("home"), NIGHTSHIFT_PROJECTS=str(projects))
    yield door
    door("down")
    assert door.living() == []


def running(door: Door) -> bool:
    """Tell whether a run of the backfill runs on the stack of the command."""
    state = read_state(door.home)
    if state is None:
        return False
    api = AirflowApi(state.airflow_url, load_credentials(door.home).admin_password)
    return api.health().get("scheduler") == "healthy" and bool(
        api.every_run(DAG_ID, run_type="backfill", state="running")
    )


@pytest.fixture(scope="module")
def killed(door: Door) -> Door:
    """Return the home in which a backfill was killed while its first day ran; its stack is left to itself."""
    with door.start("backfill", PROJECT, *DAYS, "--parallel", "1") as command:
        wait_for("a run of the backfill", lambda: running(door))
        command.kill()
    assert door.living()
    return door


@pytest.fixture(scope="module")
def interrupted(killed: Door) -> str:
    """Interrupt the next backfill, too, with a Ctrl-C, and return what it said."""
    with killed.start("backfill", PROJECT, *DAYS, "--reprocess", "failed") as command:
        assert command.stdout is not None
        lines: list[str] = []
        asked = False
        for line in command.stdout:
            lines.append(line)
            # once, at the first of two days side by side that is seen to run, whatever stage it is in
            if not asked and re.search(r"2013-06-\d\d: (?!success|failed)", line):
                asked = True
                command.send_signal(signal.SIGINT)
        assert command.wait(300) == 128 + signal.SIGINT, "".join(lines)
    return "".join(lines)


def test_the_next_command_ends_what_the_killed_one_left(interrupted: str) -> None:
    assert f"paused {DAG_ID} again: a command that was killed had let it run" in interrupted
    assert f"ended the backfill of {DAG_ID} whose command was killed: 2 runs unfinished" in interrupted


def test_an_interrupted_backfill_says_how_it_goes_on_and_leaves_nothing_behind(interrupted: str, door: Door) -> None:
    again = f"./nightshift backfill {PROJECT} 2013-06-29 2013-06-30 --reprocess failed --window-days 30"
    assert f"ended: 2 days were not finished and count as failed; to go on: {again}" in interrupted
    assert door.living() == []
    assert read_state(door.home) is None


@pytest.mark.usefixtures("interrupted")
def test_what_it_says_does_go_on(door: Door) -> None:
    ended = door.call("backfill", PROJECT, *DAYS, "--reprocess", "failed", "--json")
    assert ended.returncode == 0, ended.stderr
    assert '"result": "HOLD"' in ended.stdout
    days = door.json("backfill", PROJECT, *DAYS, "--dry-run")
    assert days["left_out"] == {"2013-06-29": "success", "2013-06-30": "success"}
    entries = [entry for entry in door.ledger(PROJECT).entries() if entry.kind == "decision"]
    # a day that was interrupted after its decision has two, and they say the same
    assert {str(entry.as_of) for entry in entries} == {"2013-06-29", "2013-06-30"}
    assert {entry.reason.partition(":")[0] for entry in entries} == {
        "a backfill promotes nothing; it would be promoted"
    }
    assert door.ledger(PROJECT).champion() is None
