"""A release is tried in a process of its own, with real models: good, heavy, damaged, refused, nonsensical, late."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from include.config.gates import Evidence
from include.config.project import Project
from include.domain.errors import ChecksumMismatchError, ProcessEndedError
from include.domain.evidence import Measurements, Runtime
from include.io.models import LoadedModel
from include.serving.clean_process import MODULE, serve
from include.stages.evaluate import release_probe
from include.stages.evaluate.release_probe import clean_environment, hand_over, probe_release
from tests.support.fitted_models import answering_nan, fitted, heavy, labelled_rows, untrusted
from tests.support.model_nights import NO_PROCESS, make_project

# a linear model took 10 ms and 5 MB, the heavy one 110 ms, 46 MB and a file of 3.9 MB
BOUNDS: list[dict[str, Any]] = [
    {"kind": "serves"},
    {"kind": "latency", "max_p95_ms": 35, "max_times_champion": 3},
    {"kind": "memory", "max_mb": 20},
    {"kind": "size", "max_mb": 0.5},
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("parcels"), gates=BOUNDS)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return labelled_rows()


@pytest.fixture(scope="module")
def linear(project: Project, rows: pd.DataFrame) -> LoadedModel:
    return fitted(project, "linear", rows)


def tried(project: Project, model: LoadedModel, rows: pd.DataFrame, **more: Any) -> Runtime:
    return probe_release(project, model, None, rows, model.score(rows), **more)


def closed(project: Project, runtime: Runtime) -> list[str]:
    """Return what each closed gate looks at."""
    values = {"roc_auc": 0.8}
    evidence = Evidence(values, {"roc_auc": 0.5}, values, measurements=Measurements(runtime=runtime))
    return [found.metric for gate in project.gates for found in gate.judge(evidence) if not found.passed]


def test_a_good_release_serves_within_its_bounds(project: Project, linear: LoadedModel, rows: pd.DataFrame) -> None:
    trees = fitted(project, "trees", rows)
    runtime = probe_release(project, linear, trees, rows, linear.score(rows))
    assert (runtime.asked, runtime.error) == (True, "")
    assert runtime.size_mb == len(linear.data) / 1e6
    assert 10 <= runtime.rows <= 100
    assert runtime.p50_ms is not None and runtime.p95_ms is not None
    assert 0 < runtime.p50_ms <= runtime.p95_ms
    assert runtime.champion_p95_ms is not None
    assert closed(project, runtime) == []


def test_a_slow_and_large_release_is_measured_as_such(
    project: Project, linear: LoadedModel, rows: pd.DataFrame
) -> None:
    model, few = heavy(project, linear, rows), rows.head(150)
    runtime = probe_release(project, model, linear, few, model.score(few))
    assert runtime.error == ""
    assert closed(project, runtime) == ["p95", "p95", "memory", "size"]


def test_damaged_bytes_do_not_serve(project: Project, linear: LoadedModel, rows: pd.DataFrame) -> None:
    middle = len(linear.data) // 2
    damaged = replace(linear, data=linear.data[:middle] + bytes(20) + linear.data[middle + 20 :])
    runtime = tried(project, damaged, rows)
    assert runtime.error.startswith("challenger/model.skops: not a model file of ours; got: BadZipFile")
    assert closed(project, runtime) == ["answered", "p95", "p95", "memory"]


def test_a_release_of_another_model_does_not_serve(project: Project, linear: LoadedModel, rows: pd.DataFrame) -> None:
    other = fitted(project, "trees", rows)
    runtime = tried(project, replace(linear, data=other.data), rows.head(30))
    assert runtime.error.startswith("the release answers otherwise than the model that was judged: 30 of 30 rows, ")


def test_a_release_that_answers_nonsense_does_not_serve(
    project: Project, linear: LoadedModel, rows: pd.DataFrame
) -> None:
    runtime = tried(project, answering_nan(linear), rows.head(30))
    assert "a model returned scores that are no probabilities; got: 30 of 30 rows" in runtime.error


def test_a_release_of_a_type_that_is_not_allowed_does_not_serve(
    project: Project, linear: LoadedModel, rows: pd.DataFrame
) -> None:
    runtime = tried(project, untrusted(linear), rows)
    assert runtime.error.startswith("challenger/model.skops: the model holds types outside the allow-list")
    assert "NotAllowed" in runtime.error


def test_a_release_that_does_not_answer_in_time_does_not_serve(
    project: Project, linear: LoadedModel, rows: pd.DataFrame
) -> None:
    runtime = tried(project, linear, rows, limit_seconds=1)
    assert runtime.error == "the release did not load and answer within 1 seconds of processor time"


def test_the_process_sees_no_secret_and_its_death_is_an_answer(
    project: Project, linear: LoadedModel, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgresql://me:secret@host/db")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    seen: dict[str, str] = {}

    def watch() -> None:
        process = _probe_of(os.getpid())
        seen.update(process.environ(), cwd=process.cwd())
        process.kill()

    watcher = threading.Thread(target=watch)
    watcher.start()
    runtime = tried(project, linear, rows)
    watcher.join()
    assert runtime.error == "the process was ended by SIGKILL; the machine may be out of memory"
    assert [name for name, value in seen.items() if "secret" in value or name.startswith("AIRFLOW")] == []
    assert seen["HOME"] == seen["TMPDIR"] == seen["cwd"]
    assert not Path(seen["HOME"]).exists()


def _probe_of(parent: int) -> psutil.Process:
    """Return the clean process, once it is there and has become the program."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for child in psutil.Process(parent).children():
            # others of this process may just have ended
            with suppress(psutil.Error):
                if MODULE in child.cmdline():
                    return child
        time.sleep(0.01)
    raise AssertionError("no process was started")


def test_without_a_gate_that_asks_no_process_is_started(
    linear: LoadedModel, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no such program"))
    quiet = make_project(tmp_path, gates=[{"kind": "size", "max_mb": 1}, *NO_PROCESS])
    assert tried(quiet, linear, rows) == Runtime(asked=False, size_mb=len(linear.data) / 1e6)
    asking = make_project(tmp_path, gates=[{"kind": "memory", "max_mb": 1}])
    with pytest.raises(FileNotFoundError):
        tried(asking, linear, rows)


def test_only_the_bytes_that_were_handed_over_are_loaded(
    linear: LoadedModel, rows: pd.DataFrame, tmp_path: Path
) -> None:
    hand_over(tmp_path, linear, None, rows)
    assert serve(tmp_path).scores == linear.score(rows).tolist()
    (tmp_path / "challenger" / "signature.json").write_text("{}")
    with pytest.raises(ChecksumMismatchError, match=r"challenger/signature\.json: the bytes are not those"):
        serve(tmp_path)


def test_a_champion_that_does_not_load_is_no_fault_of_the_challenger(
    linear: LoadedModel, rows: pd.DataFrame, tmp_path: Path
) -> None:
    hand_over(tmp_path, linear, answering_nan(linear), rows)
    answer = serve(tmp_path)
    assert (answer.error, answer.champion_milliseconds) == ("", [])
    assert "the champion in a clean process" in answer.champion_error


def test_the_environment_holds_only_what_finding_programs_and_libraries_takes(tmp_path: Path) -> None:
    found = clean_environment({"PATH": "/bin", "PYTHONPATH": "/more", "TOKEN": "x", "LANG": ""}, tmp_path)
    assert found["PATH"] == "/bin"
    assert found["PYTHONPATH"] == f"{release_probe.ROOT}{os.pathsep}/more"
    assert {"TOKEN", "LANG"} & set(found) == set()
    assert found["OMP_NUM_THREADS"] == "1"


def test_a_process_that_was_told_to_end_is_no_answer_but_asked_again(
    project: Project, linear: LoadedModel, rows: pd.DataFrame
) -> None:
    watcher = threading.Thread(target=lambda: _probe_of(os.getpid()).terminate())
    watcher.start()
    with pytest.raises(ProcessEndedError, match="it was told to end before it answered; got: SIGTERM") as raised:
        tried(project, linear, rows)
    watcher.join()
    # a verdict would stay: a stack that was stopped in the midst of a night would have rejected its model
    assert raised.value.retryable
