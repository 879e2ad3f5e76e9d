"""The program of a training's container, run as one: a request in, an answer beside it, and an exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.config.identity import model_code, shortened
from include.config.settings import ROOT
from include.config.training_container import (
    ATTEMPT_VARIABLE,
    FAILED,
    TRAINED,
    UNANSWERED,
    TrainingAnswer,
    TrainingFailure,
    TrainingRequest,
    trained_from,
)
from include.domain.errors import StoreError
from include.domain.results import Origin
from include.io.models import read_candidate
from include.io.stores import open_store
from include.io.training_requests import Handover
from include.stages.train.container_entrypoint import answer_to
from tests.config.good_declaration import GOOD_FILES
from tests.support.model_nights import DECLARATION, FIRST, Nights, make_rows
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
NAME = "parcels"


# a training that is stopped while it is at work
STOPPED = """
import os, signal, sys
from include.stages import train
from include.stages.train import container_entrypoint

def stopped(project, inputs):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    finally:
        print("closed")

train.run = stopped
sys.exit(container_entrypoint.main(sys.argv[1:]))
"""


class Asked:
    """Hold a project's folder, rows for its window, and one request."""

    def __init__(self, folder: Path, prepared: Path, s3_url: str = "") -> None:
        from include.config.discovery import read_project

        copy_prepared(prepared, folder)
        self.projects = folder / "projects"
        home = self.projects / NAME
        home.mkdir(parents=True)
        declared = {key: value for key, value in DECLARATION.items() if key != "name"}
        (home / "project.yaml").write_text(yaml.safe_dump(declared))
        for name, text in GOOD_FILES.items():
            (home / name).write_text(text)
        self.nights = Nights(folder, read_project(home), s3_url=s3_url)
        self.request = TrainingRequest(
            project=NAME,
            candidate="linear",
            as_of=AS_OF,
            plan=self.nights.plan(AS_OF),
            origin=Origin(run_id="night", git_commit="abc", lock_hash="of the image"),
            force=False,
            image="acme/train:1",
            code=model_code(),
            declared=trained_from(self.nights.project, "linear"),
        )

    def handover(self, request: TrainingRequest) -> Handover:
        store = open_store(self.nights.store_url)
        return Handover(store, NAME, request.identity(self.nights.store_url))

    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "NIGHTSHIFT_PROJECTS": str(self.projects),
            "NIGHTSHIFT_STORE_URL": self.nights.store_url,
            "NIGHTSHIFT_TRACKING_URL": self.nights.tracking_url,
            "NIGHTSHIFT_GIT_COMMIT": "def",
            ATTEMPT_VARIABLE: "first",
        }

    def program(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "include.stages.train.container_entrypoint", *arguments]

    def ask(self) -> tuple[int, TrainingAnswer | None, str]:
        """Run the program on the request; return its status, its answer and its log."""
        handover = self.handover(self.request)
        handover.ask(self.request)
        done = subprocess.run(
            self.program(handover.request_key),
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, handover.answer_to("first"), done.stdout + done.stderr

    def failure(self, patch: pytest.MonkeyPatch, **changes: Any) -> TrainingFailure:
        """Return how the request, changed, fails, without a process of its own."""
        for name, value in self.environ().items():
            patch.setenv(name, value)
        answer = answer_to(self.request.model_copy(update=changes), "first")
        assert (answer.attempt, answer.result) == ("first", None)
        assert answer.failure is not None
        return answer.failure


@pytest.fixture
def asked(tmp_path: Path, prepared_tracking: Path) -> Asked:
    return Asked(tmp_path, prepared_tracking)


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_request_is_answered_by_the_stages_own_receipt(
    kind: str, tmp_path: Path, prepared_tracking: Path, request: pytest.FixtureRequest
) -> None:
    asked = Asked(tmp_path, prepared_tracking, request.getfixturevalue("s3_url") if kind == "s3" else "")
    status, answer, log = asked.ask()
    assert status == TRAINED, log
    assert answer is not None and answer.result is not None
    _, _, record = read_candidate(asked.nights.store, NAME, answer.result.candidate_id)
    assert record.lock_hash == "of the image"
    assert answer.result.cv_mean == record.cv_mean


def test_the_programs_libraries_are_not_airflows() -> None:
    told = (
        "import sys, include.stages.train.container_entrypoint, include.stages.train; print('airflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_failure_of_the_stage_is_the_answer(asked: Asked) -> None:
    for day in asked.nights.plan(AS_OF).days:
        asked.nights.write_day(day, make_rows(day).assign(late=0))
    status, answer, log = asked.ask()
    assert status == FAILED
    assert answer is not None
    assert answer.failure == TrainingFailure(
        kind="TrainingError",
        retryable=False,
        where="parcels, target late",
        what="the train part needs rows of both classes",
        got="720 rows, 0 positive",
        hint="lengthen window.days, or look at the target's rule",
    )
    assert "TrainingError: parcels, target late: the train part needs rows" in log.splitlines()[-1]


def test_other_code_is_refused_by_both_names(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = asked.failure(monkeypatch, code="0" * 64)
    assert (failure.kind, failure.where) == ("TrainingCodeError", "image acme/train:1")
    assert failure.got == f"commit def, code {shortened(model_code())}"
    assert failure.allowed == ("commit abc, code 000000000000",)
    assert not list(asked.nights.store.list(f"{NAME}/models/linear-"))


def test_another_declaration_is_refused_by_what_differs(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = asked.failure(monkeypatch, declared={**asked.request.declared, "seed": 8})
    assert (failure.kind, failure.what) == ("TrainingCodeError", "it declares other things than the worker's: seed")
    assert (failure.got, failure.allowed) == ("seed: 7", ("seed: 8",))


def test_a_project_that_the_image_lacks_is_told(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    (asked.projects / NAME).rename(asked.projects / "letters")
    assert asked.failure(monkeypatch).kind == "UnknownProjectError"


def test_what_may_heal_is_told_apart_from_a_bug(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.stages import train

    for error, retryable in ((OSError("disk"), True), (KeyError("column"), False), (StoreError("s", "down"), True)):

        def fails(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(train, "run", fails)
        failure = asked.failure(monkeypatch)
        assert (failure.kind, failure.retryable) == (type(error).__name__, retryable)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "SettingsError: requested training: the key of a request is needed"),
        (["parcels/models/requests/linear-1/request.json"], "ObjectMissingError: "),
        (["parcels/ledger/00000001.json"], "not the key of a training request"),
    ],
)
def test_what_cannot_be_answered_says_why_in_the_log(asked: Asked, arguments: list[str], message: str) -> None:
    done = subprocess.run(
        asked.program(*arguments), env=asked.environ(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == UNANSWERED
    assert message in done.stdout.splitlines()[-1]


def test_an_answer_to_another_try_is_none(asked: Asked) -> None:
    handover = asked.handover(asked.request)
    handover.ask(asked.request)
    handover.answer(TrainingAnswer(attempt="killed before"))
    assert handover.answer_to("first") is None
    handover.ask(asked.request)
    assert handover.answer_to("killed before") is None
    handover.remove()
    assert not list(asked.nights.store.list(f"{NAME}/models/requests/"))


def test_a_retry_asks_by_the_same_name_and_another_store_by_another(asked: Asked) -> None:
    request = asked.request
    name = request.identity("s3://bucket")
    assert TrainingRequest.model_validate_json(request.model_dump_json()).identity("s3://bucket") == name
    assert name.startswith("linear-")
    others = {
        request.identity("s3://bucket/namespaces/pr"),
        request.model_copy(update={"candidate": "trees"}).identity("s3://bucket"),
        request.model_copy(update={"origin": Origin(run_id="next")}).identity("s3://bucket"),
    }
    assert len({name, *others}) == 4


def test_a_stopped_program_ends_in_order_and_answers_nothing(asked: Asked) -> None:
    handover = asked.handover(asked.request)
    handover.ask(asked.request)
    command = [sys.executable, "-c", STOPPED, handover.request_key]
    done = subprocess.run(command, env=asked.environ(), capture_output=True, text=True, timeout=120, check=False)
    # by Python's own means: what is open is closed on the way out
    assert (done.returncode, done.stdout.splitlines()[-1]) == (128 + signal.SIGTERM, "closed")
    assert handover.answer_to("first") is None
