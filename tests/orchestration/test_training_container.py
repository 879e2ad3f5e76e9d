"""The task `train` of a project with an image is wired as the plain one, and fails as it does; no engine is needed."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from include.config.discovery import load_project
from include.config.settings import Settings
from include.config.training_container import TrainingFailure, failure_of
from include.domain.errors import (
    BUGS,
    NightshiftError,
    StoreError,
    TrainingCodeError,
    TrainingContainerError,
    TrainingError,
)
from include.domain.results import Origin, PlanResult, Span, TrainInputs
from tests.airflow_fixtures import write_project
from tests.orchestration.conftest import DAY, Script
from tests.orchestration.test_retrain_run import run, states, xcom

pytestmark = pytest.mark.integration
IMAGE = "acme/train:1"
GATES = "gates:\n"


@pytest.fixture
def boxed(projects_dir: Path) -> Any:
    """Return a project that trains in a container."""
    training = f"training: {{image: '{IMAGE}', cpus: 1.5, memory_mb: 4096}}\n"
    write_project(projects_dir, "boxed", replace=(GATES, f"{training}{GATES}"))
    return load_project(projects_dir, "boxed")


def dag_of(project: Any) -> Any:
    """Return a project's retrain Dag."""
    from include.orchestration.retrain import build_retrain_dag

    return build_retrain_dag(project)


def test_it_is_wired_as_the_plain_task_is(boxed: Any) -> None:
    plain = dag_of(load_project(Settings.from_environment().projects_dir, "shop")).get_task("train")
    task = dag_of(boxed).get_task("train")
    assert task.operator_class.__name__ == "TrainingContainer"
    for what in ("pool", "retries", "retry_delay", "execution_timeout", "trigger_rule", "upstream_task_ids"):
        assert getattr(task, what) == getattr(plain, what), what
    assert task.downstream_task_ids == plain.downstream_task_ids
    assert task.partial_kwargs["image"] == IMAGE
    assert (task.partial_kwargs["cpus"], task.partial_kwargs["memory_mb"]) == (1.5, 4096)
    assert task.expand_input.value == {"candidate": ["simple", "trees"]}


@pytest.mark.usefixtures("airflow_db")
def test_a_container_that_could_reach_nothing_is_refused_before_it_is_made(boxed: Any, script: Script) -> None:
    dag_run = run(name="boxed")
    assert dag_run.state == "failed"
    assert states(dag_run)["train"] == ["failed", "failed"]
    labels = {task.rendered_map_index for task in dag_run.get_task_instances() if task.task_id == "train"}
    assert labels == {"simple", "trees"}
    message = "SettingsError: boxed/project.yaml: training.image: a container cannot reach a store that is a folder"
    assert xcom(dag_run, "train", "error").startswith(message)
    assert script.of("train") == []


# the client leaves a socket behind that it could not connect
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_engine_that_does_not_answer_is_told_and_may_heal(boxed: Any, tmp_path: Path) -> None:
    from include.orchestration.training_container import TrainingContainer

    operator = TrainingContainer(
        task_id="train",
        project_name="boxed",
        candidate="trees",
        plan=None,
        image=IMAGE,
        memory_mb=512,
        docker_url=f"unix://{tmp_path}/nowhere.sock",
    )
    span = Span(first=DAY, last=DAY)
    inputs = TrainInputs(
        as_of=DAY,
        store_url="s3://bucket",
        tracking_url="http://mlflow.example.org",
        origin=Origin(run_id="r"),
        candidate="trees",
        plan=PlanResult(train=span, holdout=span, days=(DAY,), batches=(), fresh=0, stale=0),
    )
    with pytest.raises(TrainingContainerError) as caught:
        operator.train(boxed, inputs)
    told, retryable = str(caught.value), caught.value.retryable
    del operator, caught
    gc.collect()
    assert told.startswith(f"image {IMAGE}: no Docker engine answers, which is asked to find the image; got: ")
    assert told.endswith("hint: is it running, may this user use its socket, is DOCKER_HOST right?")
    assert retryable


@pytest.mark.parametrize(
    "error",
    [
        TrainingError("candidate trees", "could not be trained", got="ValueError: x", hint="look"),
        TrainingCodeError("image a", "other code", got="1", allowed=("2",)),
        StoreError("s3://bucket/key", "does not answer"),
    ],
)
def test_our_error_reads_the_same_on_the_worker(error: NightshiftError) -> None:
    from include.orchestration.training_container import error_of

    again = error_of(TrainingFailure.model_validate_json(failure_of(error).model_dump_json()), "image a")
    assert type(again) is type(error)
    assert (str(again), again.retryable) == (str(error), error.retryable)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (KeyError("city"), TrainingError, "image a: the training failed in its container; got: KeyError: 'city'"),
        (
            OSError("no space left"),
            TrainingContainerError,
            "image a: the training failed in its container; got: OSError: no space left",
        ),
    ],
)
def test_an_error_that_is_none_of_ours_is_retried_unless_it_is_a_bug(
    error: Exception, kind: type[NightshiftError], text: str
) -> None:
    from include.orchestration.training_container import error_of

    again = error_of(failure_of(error), "image a")
    assert (type(again), str(again), again.retryable) == (kind, text, not isinstance(error, BUGS))


def test_an_error_that_this_version_does_not_know_is_told_all_the_same() -> None:
    from include.orchestration.training_container import error_of

    again = error_of(TrainingFailure(kind="NewError", retryable=False, where="a", what="b", got="c"), "image a")
    assert (type(again), str(again)) == (TrainingError, "a: b; got: c")
