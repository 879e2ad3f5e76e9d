"""Train in real containers: other libraries than the workers', limits that hold, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from include.config.settings import ROOT
from include.domain.errors import TrainingCodeError, TrainingContainerError, TrainingImageError
from include.io.models import TrainingRecord, read_candidate
from tests.docker.served_nights import NAME, ServedNights, served_nights
from tests.docker.training_images import TrainingImages, containers, docker, need_engine
from tests.support.demo_nights import error_of, states

pytestmark = [
    pytest.mark.integration,
    # models that older libraries made, told by the worker's: what this feature is about
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning"),
    pytest.mark.filterwarnings("ignore:.*If you are loading a serialized model:UserWarning"),
]
DAY = date(2013, 4, 1)
# the only one that is left: one container shows it
ALONE = """candidates:
  - name: logistic_regression
    estimator: logistic_regression
    params: {C: 0.1, max_iter: 300}

cross_validation:"""
# 2.4 GB, every page of it touched
HUNGRY = (
    "RUN echo 'import numpy; HELD = numpy.ones(300_000_000)' >> $(python -c 'import xgboost; print(xgboost.__file__)')"
)
WAIT_SECONDS = 120.0


@dataclass
class Seen:
    """Hold what `docker inspect` says of containers while they run, by id."""

    running: dict[str, Any] = field(default_factory=dict)


@contextmanager
def watched() -> Iterator[Seen]:
    """Look at the project's containers again and again while the block runs."""
    seen, done = Seen(), threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            for name in containers(NAME):
                asked = subprocess.run(["docker", "inspect", name], capture_output=True, text=True, check=False)
                if asked.returncode == 0:
                    [found] = json.loads(asked.stdout)
                    if found["State"]["Running"]:
                        seen.running[name] = found

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def images() -> Iterator[TrainingImages]:
    """Build the delivered image."""
    need_engine()
    built = TrainingImages()
    try:
        built.delivered()
        yield built
    finally:
        built.remove()


@pytest.fixture(scope="module")
def nights(images: TrainingImages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedNights]:
    """Deliver twelve days to a copy of the project, and build an image that holds the same copy."""
    with served_nights(tmp_path_factory.mktemp("training_container")) as played:
        played.demo.shorten()
        played.demo.deliver(DAY, DAY)
        images.variant(played.home, "wip", *_copied(played, "copied"))
        yield played
    for left in containers(NAME):
        docker("rm", "--force", left)


def _copied(nights: ServedNights, folder: str) -> list[str]:
    """Return the lines of a Dockerfile that puts the project as it is now into an image."""
    shutil.copytree(nights.settings.projects_dir / NAME, nights.home / folder)
    return [f"COPY {folder} include/projects/{NAME}"]


def _record(nights: ServedNights, candidate_id: str) -> TrainingRecord:
    return read_candidate(nights.store, NAME, candidate_id)[2]


def _image(images: TrainingImages, tag: str = "wip") -> str:
    return next(name for name in images.names if name.endswith(f":{tag}"))


def _operator(image: str, candidate: str = "logistic_regression", **more: Any) -> Any:
    from include.orchestration.training_container import TrainingContainer

    given: dict[str, Any] = {"cpus": 1.5, "memory_mb": 1024, **more}
    return TrainingContainer(task_id="train", project_name=NAME, candidate=candidate, plan=None, image=image, **given)


@pytest.fixture(scope="module")
def first_night(images: TrainingImages, nights: ServedNights) -> tuple[Any, Seen]:
    """Play the first night, and return its run and what was seen of its containers."""
    nights.train_in(_image(images))
    with watched() as seen:
        run = nights.demo.run(DAY)
    return run, seen


def test_a_night_that_trains_in_containers_ends_with_a_champion(
    images: TrainingImages, nights: ServedNights, first_night: tuple[Any, Seen]
) -> None:
    run, _ = first_night
    assert run.state == "success"
    assert states(run)["train"] == {"success"}
    champion = nights.ledger.champion()
    assert champion is not None
    record = _record(nights, champion.candidate_id)
    assert record.lock_hash == images.identity(_image(images)).removeprefix("sha256:")
    assert record.versions["scikit-learn"] == "1.8.0" != version("scikit-learn")
    assert record.versions["xgboost"] == "3.0.5" != version("xgboost")
    decided = nights.ledger.of_run(run.dag_id, run.run_id)
    assert decided is not None
    assert (decided.verdict, decided.origin.git_commit) == ("PROMOTE", "abc123")
    assert nights.demo.alias() == champion.version


def test_its_containers_have_limits_and_no_rights_and_leave_nothing(
    nights: ServedNights, first_night: tuple[Any, Seen]
) -> None:
    run, seen = first_night
    assert len(seen.running) == len(nights.project.candidates)
    for found in seen.running.values():
        limits = found["HostConfig"]
        assert (limits["NanoCpus"], limits["Memory"], limits["MemorySwap"]) == (1.5e9, 2**30, 2**30)
        assert (limits["CapDrop"], limits["ReadonlyRootfs"], limits["Init"]) == (["ALL"], True, True)
        assert limits["SecurityOpt"] == ["no-new-privileges:true"]
        assert found["Config"]["User"] == "65534:65534"
        assert found["Mounts"] == []
        assert found["Config"]["Labels"]["nightshift.run"] == run.run_id
    assert containers(NAME) == []
    assert nights.requests() == []


def test_no_secret_is_in_what_airflow_keeps(first_night: tuple[Any, Seen]) -> None:
    from airflow import settings

    run, _ = first_night
    kept = Path(settings.engine.url.database).read_bytes()
    assert run.run_id.encode() in kept
    assert os.environ["AWS_SECRET_ACCESS_KEY"].encode() not in kept


def test_a_training_over_its_memory_fails_and_loses_nothing(
    images: TrainingImages, nights: ServedNights, first_night: tuple[Any, Seen]
) -> None:
    hungry = images.variant(
        nights.home, "hungry", *_copied(nights, "copied_hungry"), "USER root", HUNGRY, "USER nobody"
    )
    before = nights.ledger.champion(), len(nights.ledger.entries())
    declared = nights.settings.projects_dir / NAME / "project.yaml"
    original = declared.read_text()
    nights.train_in(hungry, memory_mb=768)
    nights.demo.edit(r"candidates:\n[\s\S]*?\ncross_validation:", ALONE)
    try:
        run = nights.demo.run(DAY)
    finally:
        declared.write_text(original)
    assert run.state == "failed"
    assert states(run)["train"] == {"failed"}
    assert states(run)["promote"] == {"upstream_failed"}
    assert error_of(run, "train") == (
        "TrainingMemoryError: flight_delay/project.yaml: training.memory_mb: candidate logistic_regression needed more "
        f"memory than its container may use, and was ended; got: image {hungry}, exit status 137; allowed: 768 MB; "
        "hint: raise training.memory_mb, or train on fewer days (window.days)"
    )
    assert (nights.ledger.champion(), len(nights.ledger.entries())) == before
    assert containers(NAME) == []
    assert nights.requests() == []


def test_an_image_of_other_code_is_refused(images: TrainingImages, nights: ServedNights) -> None:
    other = images.variant(
        nights.home,
        "other-code",
        "USER root",
        "RUN echo '# another line' >> include/ml/metrics.py",
        "ENV NIGHTSHIFT_GIT_COMMIT=def456",
        "USER nobody",
    )
    with pytest.raises(TrainingCodeError) as caught:
        _operator(other).train(nights.project, nights.inputs(DAY, "logistic_regression", "other code"))
    told = str(caught.value)
    assert told.startswith(
        f"image {other}: it holds other code than the worker that asks for the training; got: commit"
    )
    assert "got: commit def456, code " in told
    assert "allowed: commit abc123, code " in told
    assert nights.requests() == []


def test_an_image_of_another_declaration_is_refused(images: TrainingImages, nights: ServedNights) -> None:
    delivered = _image(images, "delivered")
    with pytest.raises(TrainingCodeError, match=r"it declares other things than the worker's: cross_validation; got"):
        _operator(delivered).train(nights.project, nights.inputs(DAY, "logistic_regression", "other declaration"))


_KILLED = """
import sys
from datetime import date
from pathlib import Path
from include.config.discovery import load_project
from include.domain.results import TrainInputs
from include.config.settings import Settings
from include.orchestration.training_container import TrainingContainer

name, image, asked = sys.argv[1:]
inputs = TrainInputs.model_validate_json(Path(asked).read_text())
operator = TrainingContainer(
    task_id="train", project_name=name, candidate=inputs.candidate, plan=None, image=image, cpus=1.5, memory_mb=1024
)
operator.train(load_project(Settings.from_environment().projects_dir, name), inputs)
"""


def test_a_retry_heals_what_a_killed_worker_left(
    images: TrainingImages, nights: ServedNights, first_night: tuple[Any, Seen]
) -> None:
    """The other image is another environment, too: what the first one trained is not taken for its own."""
    image = images.variant(nights.home, "another", "LABEL another=image", *_copied(nights, "copied_again"))
    inputs = nights.inputs(DAY, "xgboost", "killed")
    asked = nights.home / "asked.json"
    asked.write_text(inputs.model_dump_json())
    command = [sys.executable, "-c", _KILLED, NAME, image, str(asked)]
    worker = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + WAIT_SECONDS
    while not docker("ps", "--quiet", "--filter", f"label=nightshift.project={NAME}"):
        assert worker.poll() is None and time.monotonic() < deadline, "no container was started"
        time.sleep(0.05)
    worker.kill()
    worker.wait()
    [left] = containers(NAME)
    assert len(nights.requests()) >= 1

    result = _operator(image, "xgboost").train(nights.project, inputs)
    record = _record(nights, result.candidate_id)
    assert record.lock_hash == images.identity(image).removeprefix("sha256:")
    others = {one.key.split("/")[2] for one in nights.store.list(f"{NAME}/models/xgboost-")}
    assert len(others) == 2
    assert left not in containers(NAME)
    assert containers(NAME) == []
    assert nights.requests() == []


def test_an_image_that_is_nowhere_is_told(nights: ServedNights) -> None:
    need_engine()
    with pytest.raises(TrainingContainerError, match=r"^image localhost:9/none:1: is not on this engine and could not"):
        _operator("localhost:9/none:1").train(nights.project, nights.inputs(DAY, "logistic_regression", "no image"))


def test_an_image_without_our_code_is_told(images: TrainingImages, nights: ServedNights) -> None:
    bare = images.variant(nights.home, "bare", "WORKDIR /")
    with pytest.raises(
        TrainingImageError, match=r"it cannot run the stage train; got: exit status 1: .*No module named"
    ):
        _operator(bare).train(nights.project, nights.inputs(DAY, "logistic_regression", "bare"))
    assert containers(NAME) == []
