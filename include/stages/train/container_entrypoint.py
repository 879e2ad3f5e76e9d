"""Be the program of a training's container: read one request from the store, run `train`, and answer beside it.

`python -m include.stages.train.container_entrypoint KEY`. Addresses and credentials come by the environment alone:
`NIGHTSHIFT_STORE_URL`, `NIGHTSHIFT_TRACKING_URL` and what boto3 and MLflow read themselves. No Airflow is needed.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

from include.config.discovery import load_project
from include.config.identity import model_code, shortened
from include.config.settings import Settings, git_commit
from include.config.training_container import (
    ATTEMPT_VARIABLE,
    FAILED,
    TRAINED,
    UNANSWERED,
    TrainingAnswer,
    TrainingRequest,
    failure_of,
    trained_from,
)
from include.domain.errors import NightshiftError, SettingsError, TrainingCodeError
from include.domain.names import TRAIN_TIMEOUT
from include.domain.results import TrainInputs, TrainResult
from include.io.stores import open_store
from include.io.training_requests import Handover, handover_at

_log = logging.getLogger(__name__)
NEEDED = ("NIGHTSHIFT_STORE_URL", "NIGHTSHIFT_TRACKING_URL", ATTEMPT_VARIABLE)


def main(arguments: list[str]) -> int:
    """Answer the request whose key is the only argument; return the exit status.

    0: the answer holds a result. 1: it holds a failure. 3: no answer could be given; the log says why.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    _end_in_order()
    try:
        handover = _handover(arguments)
        request = handover.request()
        answer = answer_to(request, os.environ[ATTEMPT_VARIABLE])
        handover.answer(answer)
    except NightshiftError as error:
        _log.error("no answer: %s: %s", type(error).__name__, error)
        return UNANSWERED
    return FAILED if answer.failure is not None else TRAINED


def answer_to(request: TrainingRequest, attempt: str) -> TrainingAnswer:
    """Return the answer to a request: what `train` gave, or how it failed."""
    try:
        return TrainingAnswer(attempt=attempt, result=_train(request))
    except NightshiftError as error:
        _log.error("%s: %s", type(error).__name__, error)
        return TrainingAnswer(attempt=attempt, failure=failure_of(error))
    except Exception as error:  # noqa: BLE001 - told to the worker
        _log.exception("%s: %s", type(error).__name__, error)
        return TrainingAnswer(attempt=attempt, failure=failure_of(error))


def _train(request: TrainingRequest) -> TrainResult:
    # here, after the request was read: a mistake in the image's libraries is then an answer, too
    from include.stages import train

    refuse_other_code(request)
    project = load_project(Settings.from_environment().projects_dir, request.project)
    refuse_other_declaration(request, trained_from(project, request.candidate))
    inputs = TrainInputs(
        as_of=request.as_of,
        store_url=os.environ["NIGHTSHIFT_STORE_URL"],
        tracking_url=os.environ["NIGHTSHIFT_TRACKING_URL"],
        origin=request.origin,
        force=request.force,
        candidate=request.candidate,
        plan=request.plan,
    )
    return train.run(project, inputs)


def refuse_other_code(request: TrainingRequest) -> None:
    """Refuse a request by a worker with other code: what this code makes would be told to be that code's.

    Raises:
        TrainingCodeError: The code differs.
    """
    ours = model_code()
    if ours != request.code:
        raise TrainingCodeError(
            f"image {request.image}",
            "it holds other code than the worker that asks for the training",
            got=f"commit {git_commit()}, code {shortened(ours)}",
            allowed=(f"commit {request.origin.git_commit}, code {shortened(request.code)}",),
            hint="build the image from the worker's commit, or deploy that of the image",
        )


def refuse_other_declaration(request: TrainingRequest, declared: dict[str, object]) -> None:
    """Refuse a request by a worker whose declaration would make another model.

    Raises:
        TrainingCodeError: What is declared of the making of the model differs.
    """
    differing = sorted(key for key in {*declared, *request.declared} if declared.get(key) != request.declared.get(key))
    if differing:
        raise TrainingCodeError(
            f"image {request.image}: {request.project}/project.yaml",
            f"it declares other things than the worker's: {', '.join(differing)}",
            got="; ".join(f"{key}: {declared.get(key)}" for key in differing[:2]),
            allowed=tuple(f"{key}: {request.declared.get(key)}" for key in differing[:2]),
            hint="build the image again with this declaration",
        )


def _handover(arguments: list[str]) -> Handover:
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing or len(arguments) != 1:
        got = f"arguments {arguments}, without {', '.join(missing)}" if missing else f"arguments {arguments}"
        what = "the key of a request is needed, and where things are by the environment"
        raise SettingsError("requested training", what, got=got, allowed=NEEDED)
    return handover_at(open_store(os.environ["NIGHTSHIFT_STORE_URL"]), arguments[0])


def _end_in_order() -> None:
    """Close MLflow's run when the container is stopped, and end after the time a training may take at most.

    A worker that is killed stops nothing: its container would go on for ever.
    """
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _end)
    signal.alarm(int(TRAIN_TIMEOUT.total_seconds()))


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
