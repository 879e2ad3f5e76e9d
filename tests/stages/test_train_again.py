"""Train again after a kill, at the same moment as another, or for the same day in another kind of run."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from include.domain.errors import TrackingError
from include.domain.results import EvaluateInputs, EvaluateResult, Origin, RunType, TrainInputs, TrainResult
from include.io import keys
from include.io.models import read_candidate
from include.io.tracking import Tracking
from include.io.tracking_database import busy_safe
from include.stages import evaluate, train
from tests.support.killing import warm_context
from tests.support.model_nights import FIRST, Nights, make_project
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
# many settings: long enough to be killed in the midst of them
LONG_SEARCH = {
    "name": "linear",
    "estimator": "logistic_regression",
    "search": {"trials": 60, "space": {"C": [0.001 * number for number in range(1, 61)]}},
}


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path) -> Nights:
    copy_prepared(prepared_tracking, tmp_path)
    return Nights(tmp_path, make_project(tmp_path))


def _client(nights: Nights) -> MlflowClient:
    return MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))


def _runs(nights: Nights) -> list[Run]:
    client = _client(nights)
    experiment = client.get_experiment_by_name("parcels")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def _fork(task: Any, *arguments: Any) -> Any:
    child = warm_context().Process(target=task, args=arguments)
    child.start()
    return child


def _kill_a_training(nights: Nights) -> str:
    """Kill a process while it tries settings, and return the id of the run it leaves."""
    nights.plan(AS_OF)
    child = _fork(nights.train, AS_OF, "linear", "killed")
    while not (runs := _runs(nights)):
        assert child.is_alive()
        time.sleep(0.05)
    assert child.is_alive()
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    assert not nights.store.exists(keys.model_manifest("parcels", runs[0].data.tags["candidate_id"]))
    return str(runs[0].info.run_id)


def test_a_killed_training_is_taken_up_by_the_same_candidate(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=[LONG_SEARCH])
    killed = _kill_a_training(nights)
    assert _client(nights).get_run(killed).info.status == "RUNNING"
    result = nights.train(AS_OF, "linear", "retry")
    assert (result.tracking_run_id, result.reused) == (killed, False)
    [run] = _runs(nights)
    assert (run.info.status, run.data.tags.get("failure")) == ("FINISHED", None)


def test_a_killed_training_is_closed_by_the_next_night_and_a_living_one_is_left(nights: Nights) -> None:
    declared = nights.project
    nights.project = make_project(nights.folder, candidates=[LONG_SEARCH])
    killed = _kill_a_training(nights)
    root = nights.store.uri(keys.tracking_artifacts("parcels"))
    living = Tracking(nights.tracking_url, "parcels", root).start("of another day", "linear", {})
    nights.project = declared
    result = nights.train(AS_OF + timedelta(days=1), "linear", "night 2")
    runs = {run.info.run_id: run for run in _runs(nights)}
    assert {name: run.info.status for name, run in runs.items()} == {
        killed: "FAILED",
        living.run_id: "RUNNING",
        result.tracking_run_id: "FINISHED",
    }
    reason = "the process that trained it is gone; closed by run night 2"
    assert runs[killed].data.tags["failure"] == reason


def test_runs_that_cannot_be_closed_do_not_fail_a_training(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[str]:
        raise TrackingError("MLflow", "does not answer")

    monkeypatch.setattr(Tracking, "close_abandoned", refuse)
    assert not nights.train(AS_OF, "linear").reused


def _train_when_all_are_there(barrier: Any, nights: Nights, name: str) -> tuple[str, str, str]:
    barrier.wait(60)
    result = nights.train(AS_OF, "linear", name)
    root = nights.store.uri(keys.tracking_artifacts("parcels"))
    tracking = Tracking(nights.tracking_url, "parcels", root)
    barrier.wait(60)
    version = tracking.register(result.candidate_id, result.tracking_run_id)
    return result.candidate_id, result.tracking_run_id, version


def test_two_that_train_the_same_candidate_at_once_both_end_well(nights: Nights) -> None:
    nights.plan(AS_OF)
    context = warm_context()
    with context.Manager() as manager, context.Pool(2) as pool:
        barrier = manager.Barrier(2)
        first, second = pool.starmap(
            _train_when_all_are_there, [(barrier, nights, "run 1"), (barrier, nights, "run 2")], chunksize=1
        )
    assert (first[0], first[2]) == (second[0], second[2])
    assert {run.info.run_id for run in _runs(nights)} == {first[1], second[1]}
    assert {run.info.status for run in _runs(nights)} == {"FINISHED"}
    assert len(_client(nights).search_model_versions("name = 'parcels'")) == 1
    read_candidate(nights.store, "parcels", first[0])
    assert nights.train(AS_OF, "linear", "run 3").reused


@pytest.mark.parametrize("candidate", ["linear", "trees"])
def test_the_number_of_threads_changes_neither_candidate_nor_model(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, candidate: str
) -> None:
    seen = set()
    for threads in (1, 2):
        monkeypatch.setenv("NIGHTSHIFT_THREADS", str(threads))
        result = nights.train(AS_OF, candidate)
        _, model, record = read_candidate(nights.store, "parcels", result.candidate_id)
        assert (record.threads, result.reused) == (threads, False)
        seen.add((result.candidate_id, hashlib.sha256(model.data).hexdigest()))
        nights.store.delete(keys.model_manifest("parcels", result.candidate_id))
    assert len(seen) == 1


def test_forced_under_other_settings_a_published_candidate_stays_as_it_is(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated = nights.evaluate(AS_OF, "night")
    assert nights.promote(AS_OF, evaluated, "night").verdict == "PROMOTE"
    before = {info.key: nights.store.get(info.key) for info in nights.store.list("parcels/models/")}
    monkeypatch.setenv("NIGHTSHIFT_THREADS", "2")
    for candidate in ("linear", "trees"):
        assert not nights.train(AS_OF, candidate, "night", force=True).reused
    assert {info.key: nights.store.get(info.key) for info in nights.store.list("parcels/models/")} == before
    # a retry publishes the same release
    assert nights.promote(AS_OF, evaluated, "night").verdict == "PROMOTE"


def _judge(nights: Nights, kind: RunType) -> tuple[list[TrainResult], EvaluateResult]:
    """Train and evaluate in a run of `kind`, of its own name and commit."""
    origin = Origin(run_id=f"{kind}__2013", run_type=kind, git_commit=f"commit of the {kind} run", lock_hash="lock")
    given = {**nights.inputs(AS_OF, origin.run_id, origin=origin), "plan": nights.plan(AS_OF)}
    names = [candidate.name for candidate in nights.project.candidates]
    trained = [train.run(nights.project, TrainInputs(**given, candidate=name)) for name in names]
    return trained, evaluate.run(nights.project, EvaluateInputs(**given, trained=tuple(trained)))


@pytest.mark.parametrize("kinds", [("scheduled", "backfill"), ("backfill", "scheduled"), ("scheduled", "manual")])
def test_a_day_that_is_run_again_in_another_way_makes_nothing_new(
    nights: Nights, kinds: tuple[RunType, RunType]
) -> None:
    trained, evaluated = _judge(nights, kinds[0])
    again, evaluated_again = _judge(nights, kinds[1])
    assert not any(result.reused for result in trained)
    assert again == [result.model_copy(update={"reused": True}) for result in trained]
    assert len(_runs(nights)) == len(trained)
    [version] = _client(nights).search_model_versions("name = 'parcels'")
    assert version.tags["candidate_id"] == evaluated.candidate_id == evaluated_again.candidate_id
