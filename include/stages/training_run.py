"""Say what MLflow is told of a training: its tags, its measurements, and how it failed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from include.config.errors import NightshiftError, TrackingError, TrainingError
from include.config.estimators import ParamValue
from include.config.project import Candidate, Project
from include.config.results import TrainInputs
from include.config.stages import TRAIN_TIMEOUT
from include.io.tracking import Measurement, TrackedRun, Tracking
from include.stages.candidates import TrainingRecord

_log = logging.getLogger(__name__)


def measurements(record: TrainingRecord) -> list[Measurement]:
    """Return the cross-validation's scores, what they were measured on, and the threshold they chose."""
    name = f"cv_{record.metric}"
    folds = [Measurement(f"{name}_fold", score, k) for k, score in enumerate(record.fold_scores, start=1)]
    trials = [Measurement(f"{name}_trial", trial.mean, k) for k, trial in enumerate(record.trials, start=1)]
    reached = record.threshold.reached
    return [
        Measurement(f"{name}_mean", record.cv_mean),
        Measurement(f"{name}_std", record.cv_std),
        Measurement("train_rows", record.rows),
        Measurement("train_positive_rate", record.positive_rate),
        Measurement("threshold", record.threshold.value),
        *([] if reached is None else [Measurement("threshold_cv_reached", reached)]),
        *folds,
        *(trials if len(trials) > 1 else []),
    ]


def params(record: TrainingRecord) -> dict[str, ParamValue]:
    """Return the chosen params of the estimator, and the settings they were found under."""
    return {
        "estimator": record.estimator,
        "seed": record.seed,
        "threads": record.threads,
        "threshold_objective": record.threshold.objective,
        **record.params,
    }


def tags(project: Project, inputs: TrainInputs, data_fingerprint: str) -> dict[str, str]:
    """Return who made a training, from what and with which code."""
    origin = inputs.origin
    return {
        "project": project.name,
        "candidate": inputs.candidate,
        "as_of": inputs.as_of.isoformat(),
        "train_days": f"{inputs.plan.train.first}..{inputs.plan.train.last}",
        "data_fingerprint": data_fingerprint,
        "git_commit": origin.git_commit,
        "mlflow.source.git.commit": origin.git_commit,
        "lock_hash": origin.lock_hash,
        "airflow_run_id": origin.run_id,
        "airflow_dag_id": origin.dag_id,
        "run_type": origin.run_type,
    }


def close_abandoned(tracking: Tracking, inputs: TrainInputs) -> None:
    """Close what killed trainings left open; when it fails, the next training does it."""
    try:
        closed = tracking.close_abandoned(f"run {inputs.origin.run_id}", TRAIN_TIMEOUT)
    except TrackingError as error:
        _log.warning("abandoned runs could not be closed: %s", error)
        return
    if closed:
        _log.warning("closed %d runs whose process is gone: %s", len(closed), ", ".join(closed))


@contextmanager
def failure_recorded(tracking: Tracking, tracked: TrackedRun, candidate: Candidate) -> Iterator[None]:
    """Close the run as failed when the training fails or is ended, and give foreign errors a name of ours."""
    try:
        yield
    except BaseException as error:
        if not tracked.finished:
            _close_failed(tracking, tracked.run_id, f"{type(error).__name__}: {error}")
        if isinstance(error, NightshiftError) or not isinstance(error, Exception):
            raise
        raise TrainingError(
            f"candidate {candidate.name}",
            f"{candidate.estimator} could not be trained",
            got=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
            hint="look at its params and at the features it was given",
        ) from error


def _close_failed(tracking: Tracking, run_id: str, reason: str) -> None:
    try:
        tracking.fail(run_id, reason)
    except TrackingError as error:
        # the reason for the failure matters more than its record
        _log.warning("run %s could not be closed as failed: %s", run_id, error)
