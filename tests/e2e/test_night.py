"""One night on a real scheduler, by the command that people type, in a home of its own."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.config.credentials import ADMIN
from include.config.settings import ROOT
from include.domain.errors import AirflowApiError
from include.domain.names import RETRAIN_STAGES
from include.stack.environment import LOOPBACK, free_ports
from include.stack.state_directory import read_state
from tests.e2e.door import Door, copied_projects, edit, schedule_far_from_now, wait_for

pytestmark = pytest.mark.e2e

PROJECT = "telco_churn"
AS_OF = "2013-06-30"
# a short window: the night is about the path, not about the model
WINDOW = ("--window-days", "30")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the projects, and a broken one beside them."""
    folder = copied_projects(tmp_path_factory.mktemp("projects") / "projects")
    shutil.copytree(folder / PROJECT, folder / "broken_churn")
    edit(folder / "broken_churn/project.yaml", ("problem: binary", "problem: binry"))
    edit(folder / PROJECT / "project.yaml", schedule_far_from_now())
    return folder


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, projects: Path) -> Iterator[Door]:
    door = Door(tmp_path_factory.mktemp("home"), NIGHTSHIFT_PROJECTS=str(projects))
    yield door
    door("down")
    assert door.living() == []


@pytest.fixture(scope="module")
def first_night(door: Door) -> str:
    return door("run", PROJECT, "--as-of", AS_OF, *WINDOW)


def test_the_first_night_ends_with_a_champion(first_night: str, door: Door) -> None:
    assert re.search(r"^PROMOTE  decision 1 of telco_churn as of 2013-06-30: ", first_night, re.MULTILINE)
    assert re.search(r"^gates     (\d+) of \1 gates passed", first_night, re.MULTILINE)
    assert re.search(r"^champion  version 1 of 2013-06-30", first_night, re.MULTILINE)
    for stage in RETRAIN_STAGES:
        assert f"s  {stage}: done" in first_night, stage
    report = re.search(r"^report    file://(.*)$", first_night, re.MULTILINE)
    assert report is not None and Path(report[1]).read_text(encoding="utf-8").startswith("<!")
    logs = re.search(r"^logs      (.*)$", first_night, re.MULTILINE)
    assert logs is not None and list(Path(logs[1]).glob("task_id=promote/attempt=1.log"))


@pytest.mark.usefixtures("first_night")
def test_a_night_leaves_no_process_behind(door: Door) -> None:
    assert door.living() == []
    assert read_state(door.home) is None


@pytest.mark.usefixtures("first_night")
def test_every_command_tells_the_same_story(door: Door) -> None:
    (status,) = [entry for entry in door.json("status")["projects"] if entry["project"] == PROJECT]
    ledger = door.json("ledger", PROJECT)
    decision = door.json("decision", PROJECT)
    assert [entry["kind"] for entry in ledger] == ["decision", "promotion"]
    assert status["champion"]["version"] == ledger[1]["version"] == "1"
    assert status["last_decision"]["verdict"] == decision["decision"]["verdict"] == "PROMOTE"
    assert decision["entry"] == ledger[0]
    metric = decision["decision"]["primary_metric"]
    assert status["champion"]["value"] == decision["decision"]["challenger"]["holdout"][metric]
    assert 0.8 < status["champion"]["value"] < 0.87


@pytest.mark.usefixtures("first_night")
def test_the_broken_project_is_named_and_alone(door: Door) -> None:
    shown = door("check", status=2)
    assert "telco_churn: valid" in shown
    assert "binry" in shown
    assert list(door.json("status")["broken"]) == ["broken_churn"]


@pytest.fixture(scope="module")
def running(door: Door, first_night: str) -> Iterator[Door]:
    """Keep the stack up on ports of our own choice."""
    airflow, mlflow = free_ports(2)
    door.environ |= {"NIGHTSHIFT_AIRFLOW_PORT": str(airflow), "NIGHTSHIFT_MLFLOW_PORT": str(mlflow)}
    shown = door("up")
    assert f"http://127.0.0.1:{airflow}" in shown and "password" in shown
    yield door
    door("down")


def test_airflow_lists_the_broken_project_and_has_the_good_dags(running: Door) -> None:
    api = running.api()
    (error,) = api.import_errors().items()
    assert error[0].endswith("broken_projects.py")
    assert "broken_churn" in error[1] and "binry" in error[1]
    dags = {dag["dag_id"]: dag["is_paused"] for dag in api.get("/dags")["dags"]}
    nightly = {f"{name}__{family}": True for name in ("flight_delay", PROJECT) for family in ("retrain", "score")}
    by_hand = {"nightshift__rollback": False, "nightshift__pin": False, "nightshift__retention": False}
    assert dags == nightly | by_hand


def test_a_second_up_says_that_it_runs(running: Door) -> None:
    assert running("up").startswith("already running")
    stack = running.json("status")["stack"]
    assert stack["running"] and stack["mode"] == "up"


def test_nobody_comes_in_without_the_password(running: Door) -> None:
    url = f"{running.state().airflow_url}/api/v2/dags"
    code = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url]
    assert subprocess.run(code, capture_output=True, text=True, check=True).stdout == "401"


def test_a_second_night_uses_the_running_stack_and_compares(running: Door) -> None:
    shown = running("run", PROJECT, "--as-of", AS_OF, *WINDOW)
    assert "using the running stack" in shown
    assert re.search(r"^HOLD  decision \d+ of telco_churn as of 2013-06-30: ", shown, re.MULTILINE)
    assert running.state().alive()
    assert running.api().get("/dags/telco_churn__retrain")["is_paused"]
    assert running.json("status")["projects"][1]["champion"]["version"] == "1"
    # unpausing for one night ran that night and no other
    kinds = [
        run["run_type"] for run in running.api().runs("telco_churn__retrain", "success", "running", "queued", "failed")
    ]
    assert kinds == ["manual", "manual"]


def test_a_failed_night_names_the_task_its_error_and_its_log(running: Door, projects: Path) -> None:
    code = projects / PROJECT / "features.py"
    whole = code.read_text(encoding="utf-8")
    code.write_text(
        f"{whole}\n\ndef build_features(raw, history):\n    raise ValueError('out of ideas')\n", encoding="utf-8"
    )
    try:
        shown = running("run", PROJECT, "--as-of", AS_OF, *WINDOW, status=1)
    finally:
        code.write_text(whole, encoding="utf-8")
    assert "FAILED  no decision was made" in shown
    # both batches fail in the same way: one line for both, or that of the one which failed first
    assert re.search(r"^task      build_features( \(\d\)$|, 2 times the same error: )", shown, re.MULTILINE)
    assert re.search(r"^error     .*out of ideas", shown, re.MULTILINE)
    log = re.search(r"^log       (.*)$", shown, re.MULTILINE)
    assert log is not None and "out of ideas" in Path(log[1]).read_text(encoding="utf-8")
    assert running.json("status")["projects"][1]["champion"]["version"] == "1"


def _by_form(running: Door, dag_id: str, state: str, **conf: str) -> str:
    """Trigger a Dag as the UI's form does, wait for its end, and return the run's id."""
    api = running.api()
    run_id = api.trigger(dag_id, {"logical_date": None, "conf": {"project": PROJECT, **conf}})
    ended = wait_for(dag_id, lambda: (s := api.run(dag_id, run_id)["state"]) in ("success", "failed") and s, 300)
    assert ended == state
    return run_id


def test_a_person_acts_by_form_and_the_next_night_respects_it(running: Door) -> None:
    newer = ("--as-of", "2013-07-01", *WINDOW)
    running("run", PROJECT, *newer)
    if running.ledger(PROJECT).newest(1)[0].verdict == "HOLD":
        running("promote", PROJECT, "2", "--reason", "as good, and newer")
    _by_form(running, "nightshift__pin", "success", reason="audit week")
    status = running.json("status", PROJECT)["projects"][0]
    assert (status["champion"]["version"], status["pin"]["by"], status["pin"]["reason"]) == ("2", ADMIN, "audit week")
    assert "is pinned by admin (audit week)" in running("promote", PROJECT, "1", "--reason", "no", status=2)
    _by_form(running, "nightshift__pin", "success", action="unpin", reason="the audit is over")

    run_id = _by_form(running, "nightshift__rollback", "success", reason="it misses who leaves")
    entry = running.ledger(PROJECT).champion()
    assert entry is not None
    assert (entry.kind, entry.version, entry.reason) == ("rollback", "1", "it misses who leaves")
    assert (entry.origin.run_id, entry.origin.triggered_by) == (run_id, ADMIN)
    shown = running("run", PROJECT, *newer)
    assert re.search(r"^HOLD .*: this very model was champion and was rolled back", shown, re.MULTILINE)
    assert "all agree" in running("reconcile", PROJECT)

    run_id = _by_form(running, "nightshift__rollback", "failed", reason="again")
    error = running.api().result("nightshift__rollback", run_id, "roll_back", key="error")
    assert "there is no champion before this one to roll back to" in error
    with pytest.raises(AirflowApiError, match="reason"):
        _by_form(running, "nightshift__rollback", "failed", reason=" ")


def test_down_ends_everything(running: Door) -> None:
    assert running("down").strip() == "stopped"
    assert running.living() == []
    assert running("down").strip() == "nothing is running"


def test_a_busy_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        door = Door(tmp_path, NIGHTSHIFT_AIRFLOW_PORT=str(port))
        shown = door("run", PROJECT, status=2)
    assert f"NIGHTSHIFT_AIRFLOW_PORT: the port is in use; got: {port}" in shown
    assert door.living() == []


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[Door, subprocess.Popen[bytes]]]:
    """Start a night in a home of its own, as far as the first processes of its stack."""
    door = Door(tmp_path)
    quiet = subprocess.DEVNULL
    command = [str(ROOT / "nightshift"), "run", PROJECT]
    with subprocess.Popen(command, env=door.environ, stdout=quiet, stderr=quiet) as night:
        wait_for("the stack", lambda: (state := read_state(tmp_path)) and len(state.components) >= 3)
        yield door, night
    door("down")


def test_a_killed_night_is_cleaned_up_by_the_next_command(started: tuple[Door, subprocess.Popen[bytes]]) -> None:
    door, night = started
    night.send_signal(signal.SIGKILL)
    night.wait(10)
    assert door.living()
    assert door("down").strip() == "stopped"
    assert door.living() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_night_stops_what_it_started(
    started: tuple[Door, subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    door, night = started
    night.send_signal(number)
    assert night.wait(60) == 128 + number
    assert door.living() == []
