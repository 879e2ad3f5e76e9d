from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from include.config.settings import ROOT
from include.domain.errors import TrackingError
from include.io.model_files import dump_model, load_model
from include.io.tracking import Measurement, ModelToLog, Tracking, prepare_tracking
from include.io.tracking_database import busy_safe
from tests.support.killing import warm_context
from tests.support.sizes import size
from tests.support.tracking import copy_prepared

TAGS = {"as_of": "2013-05-01"}


@pytest.fixture
def new_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"


@pytest.fixture
def url(tmp_path: Path, prepared_tracking: Path) -> str:
    return copy_prepared(prepared_tracking, tmp_path)


@pytest.fixture
def tracking(url: str, tmp_path: Path) -> Tracking:
    return Tracking(url, "parcels", f"file://{tmp_path / 'store' / 'parcels' / 'mlflow'}")


def _client(url: str) -> MlflowClient:
    return MlflowClient(busy_safe(url), busy_safe(url))


def _runs(url: str, status: str | None = None) -> list[Any]:
    client = _client(url)
    found = client.search_runs([client.get_experiment_by_name("parcels").experiment_id])
    return [run for run in found if status in (None, run.info.status)]


def _model() -> ModelToLog:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "c": [1.0, 0.0, 1.0, 0.0]})
    pipeline = Pipeline([("model", LogisticRegression())]).fit(frame, [0, 0, 1, 1])
    return ModelToLog("logistic_regression", pipeline, dump_model(pipeline), [("a", "numeric"), ("c", "numeric")])


def _finish(tracking: Tracking, run_id: str) -> None:
    tracking.finish(
        run_id,
        params={"C": 1.0, "class_weight": None},
        measurements=[Measurement("cv_mean", 0.7), Measurement("fold", 0.6, 1), Measurement("fold", 0.8, 2)],
        files={"training.json": b"{}"},
        model=_model(),
    )


def test_a_run_holds_params_metrics_files_and_tags(tracking: Tracking, url: str) -> None:
    started = tracking.start("c1", "linear 2013-05-01", TAGS)
    _finish(tracking, started.run_id)
    run = _client(url).get_run(started.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "linear 2013-05-01"
    assert run.data.params == {"C": "1.0", "class_weight": "None"}
    assert run.data.metrics["cv_mean"] == 0.7
    assert [m.value for m in _client(url).get_metric_history(started.run_id, "fold")] == [0.6, 0.8]
    assert run.data.tags["candidate_id"] == "c1"
    assert run.data.tags["as_of"] == "2013-05-01"
    assert {f.path for f in _client(url).list_artifacts(started.run_id)} == {"model", "training.json"}


def test_mlflow_holds_the_stored_bytes_and_serves_them(
    tracking: Tracking, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    started = tracking.start("c1", "linear", TAGS)
    _finish(tracking, started.run_id)
    folder = tmp_path / "store" / "parcels" / "mlflow" / started.run_id / "artifacts" / "model"
    model = _model()
    assert (folder / "model.skops").read_bytes() == model.data
    assert not list(folder.glob("*.pkl"))
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    served = mlflow.pyfunc.load_model(str(folder))
    frame = pd.DataFrame({"a": [0.5, 2.5], "c": [0.0, 1.0]})
    assert [column.name for column in served.metadata.signature.inputs] == ["a", "c"]
    assert np.array_equal(served.predict(frame), load_model(model.data, "m").predict_proba(frame))


def test_a_finished_candidate_keeps_its_one_run(tracking: Tracking, url: str) -> None:
    first = tracking.start("c1", "linear", TAGS)
    _finish(tracking, first.run_id)
    again = tracking.start("c1", "linear", TAGS)
    assert (again.run_id, again.finished) == (first.run_id, True)
    assert not tracking.start("c2", "linear", TAGS).finished
    assert len(_runs(url)) == 2


def test_a_run_left_open_by_a_killed_process_is_taken_up(tracking: Tracking, url: str) -> None:
    first = tracking.start("c1", "linear", TAGS)
    again = tracking.start("c1", "linear", TAGS)
    assert (again.run_id, again.finished) == (first.run_id, False)
    _finish(tracking, again.run_id)
    _finish(tracking, again.run_id)
    assert len(_runs(url, "FINISHED")) == len(_runs(url)) == 1
    assert len(_client(url).get_metric_history(first.run_id, "fold")) == 2


def test_a_failed_run_says_why_and_is_not_taken_up(tracking: Tracking, url: str) -> None:
    first = tracking.start("c1", "linear", TAGS)
    tracking.fail(first.run_id, "TrainingError: one class only")
    failed = _runs(url, "FAILED")
    assert [run.data.tags["failure"] for run in failed] == ["TrainingError: one class only"]
    assert tracking.start("c1", "linear", TAGS).run_id != first.run_id


def test_of_two_that_train_the_same_the_one_that_fails_spoils_nothing(tracking: Tracking, url: str) -> None:
    first = tracking.start("c1", "linear", TAGS)
    assert tracking.start("c1", "linear", TAGS).run_id == first.run_id
    tracking.fail(first.run_id, "TrainingError: out of memory")
    _finish(tracking, first.run_id)
    tracking.fail(first.run_id, "TrainingError: out of memory")
    [run] = _runs(url, "FINISHED")
    assert run.info.run_id == first.run_id
    assert "failure" not in run.data.tags


def test_a_candidate_has_one_model_version(tracking: Tracking, url: str) -> None:
    versions = []
    for candidate in ("c1", "c2", "c1"):
        started = tracking.start(candidate, candidate, TAGS)
        if not started.finished:
            _finish(tracking, started.run_id)
        versions.append(tracking.register(candidate, started.run_id))
    assert versions == ["1", "2", "1"]
    found = _client(url).search_model_versions("name = 'parcels'")
    assert {(v.version, v.tags["candidate_id"]) for v in found} == {(1, "c1"), (2, "c2")} or {
        (str(v.version), v.tags["candidate_id"]) for v in found
    } == {("1", "c1"), ("2", "c2")}


def _meet(barrier: Any, url: str, root: str) -> list[str]:
    """Start and register five candidates, each at the same moment as the other processes do."""
    tracking = Tracking(url, "parcels", root)
    versions = []
    for number in range(5):
        barrier.wait(60)
        run = tracking.start(f"c{number}", "linear", TAGS).run_id
        barrier.wait(60)
        versions.append(tracking.register(f"c{number}", run))
    return versions


def test_processes_that_register_at_the_same_moment_get_one_version(url: str, tmp_path: Path) -> None:
    root = f"file://{tmp_path}/a"
    context = warm_context()
    with context.Manager() as manager, context.Pool(4) as pool:
        barrier = manager.Barrier(4)
        told = pool.starmap(_meet, [(barrier, url, root)] * 4, chunksize=1)
    assert told[1:] == told[:-1]
    assert len(set(told[0])) == 5
    found = _client(url).search_model_versions("name = 'parcels'")
    assert {str(version.version): version.tags["candidate_id"] for version in found} == {
        version: f"c{number}" for number, version in enumerate(told[0])
    }


def test_a_version_that_a_killed_process_left_beside_the_first_is_taken_away(tracking: Tracking, url: str) -> None:
    run = tracking.start("c1", "linear", TAGS).run_id
    kept = tracking.register("c1", run)
    _client(url).create_model_version("parcels", "somewhere", run, tags={"candidate_id": "c1"}, await_creation_for=0)
    assert len(_client(url).search_model_versions("name = 'parcels'")) == 2
    assert tracking.register("c1", run) == kept
    assert [str(found.version) for found in _client(url).search_model_versions("name = 'parcels'")] == [kept]


def test_an_alias_is_set_moved_and_read_back(tracking: Tracking) -> None:
    assert tracking.version_of_alias("champion") is None
    for candidate in ("c1", "c2"):
        started = tracking.start(candidate, candidate, TAGS)
        _finish(tracking, started.run_id)
        version = tracking.register(candidate, started.run_id)
        tracking.set_alias("champion", version)
        assert tracking.version_of_alias("champion") == version
    assert tracking.version_of_alias("challenger") is None


def test_an_alias_of_a_version_that_is_not_there_is_an_error(tracking: Tracking) -> None:
    started = tracking.start("c1", "c1", TAGS)
    _finish(tracking, started.run_id)
    tracking.register("c1", started.run_id)
    with pytest.raises(TrackingError, match=r"MLflow at sqlite:///.*could not set alias champion; got: .*9"):
        tracking.set_alias("champion", "9")


def test_the_database_is_made_once_with_write_ahead_logging(new_url: str) -> None:
    path = Path(new_url.removeprefix("sqlite:///"))
    prepare_tracking(new_url)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    before = path.stat().st_mtime_ns
    prepare_tracking(new_url)
    assert path.stat().st_mtime_ns == before
    path.unlink()
    prepare_tracking(new_url)
    assert path.stat().st_size > 0


KILLED_AT = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from include.io.tracking import prepare_tracking
left = int(sys.argv[2])
@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
prepare_tracking(sys.argv[1])
"""


def test_a_database_whose_making_is_killed_at_any_statement_is_made_by_the_next(new_url: str, tmp_path: Path) -> None:
    for statement in size((60, 300), tuple(range(20, 420, 40))):
        killed = subprocess.run([sys.executable, "-c", KILLED_AT, new_url, str(statement)], cwd=ROOT, check=False)
        assert killed.returncode == -signal.SIGKILL, statement
    assert _write_many(new_url, f"file://{tmp_path}/a", "x") == "x"
    assert len(_runs(new_url)) == 3


def test_half_a_database_that_an_older_version_left_is_made_anew(new_url: str, tmp_path: Path) -> None:
    path = Path(new_url.removeprefix("sqlite:///"))
    prepare_tracking(new_url)
    path.with_name(path.name + ".prepared").unlink()
    with closing(sqlite3.connect(path)) as connection:
        # as it is when a process is killed before the last revision is noted
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        connection.commit()
    assert _write_many(new_url, f"file://{tmp_path}/a", "x") == "x"
    assert len(_runs(new_url)) == 3


def test_an_upgrade_keeps_what_is_recorded(new_url: str, tmp_path: Path) -> None:
    path = Path(new_url.removeprefix("sqlite:///"))
    _write_many(new_url, f"file://{tmp_path}/a", "x")
    path.with_name(path.name + ".prepared").write_text("an older MLflow")
    prepare_tracking(new_url)
    assert len(_runs(new_url)) == 3
    assert _write_many(new_url, f"file://{tmp_path}/a", "y") == "y"
    assert len(_runs(new_url)) == 6


def _write_many(url: str, root: str, name: str) -> str:
    tracking = Tracking(url, "parcels", root)
    for number in range(3):
        started = tracking.start(f"{name}-{number}", name, TAGS)
        tracking.add_measurements(started.run_id, [Measurement("m", float(k), k) for k in range(20)])
        tracking.fail(started.run_id, "done")
    return name


def test_processes_share_a_new_database(new_url: str, tmp_path: Path) -> None:
    with warm_context().Pool(3) as pool:
        names = pool.starmap(_write_many, [(new_url, f"file://{tmp_path}/a", name) for name in ("x", "y", "z")])
    assert names == ["x", "y", "z"]
    assert len(_runs(new_url)) == 9


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_text("this is no database, it only looks long enough to be one" * 50)
    with pytest.raises(TrackingError) as caught:
        Tracking(f"sqlite:///{path}", "parcels", f"file://{tmp_path}/a")
    assert str(caught.value) == (
        f"sqlite:///{path}: MLflow's database cannot be made or upgraded; got: file is not a database; "
        "hint: is it a database of MLflow?"
    )


def test_a_server_that_is_not_there_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"MLflow at http://user:.*@127\.0\.0\.1:9: could not connect") as caught:
        Tracking("http://user:secret@127.0.0.1:9", "parcels", f"file://{tmp_path}/a")
    assert caught.value.retryable
    assert "secret" not in str(caught.value).partition("; got:")[0]


def test_artifacts_that_cannot_be_kept_are_told_as_ours(url: str, s3_url: str) -> None:
    tracking = Tracking(url, "parcels", "s3://no-such-bucket/parcels/mlflow")
    started = tracking.start("c1", "linear", TAGS)
    with pytest.raises(TrackingError, match=f"could not finish run {started.run_id}; got: .*NoSuchBucket"):
        _finish(tracking, started.run_id)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////a/b.db", "sqlite:////a/b.db?timeout=60"),
        ("sqlite:////a/b.db?timeout=5", "sqlite:////a/b.db?timeout=5"),
        ("sqlite:////a/b.db?mode=rw", "sqlite:////a/b.db?timeout=60&mode=rw"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("http://h:5000", "http://h:5000"),
    ],
)
def test_only_sqlite_gets_a_busy_timeout(url: str, expected: str) -> None:
    assert busy_safe(url) == expected
