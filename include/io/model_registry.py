"""Record a training in MLflow, give candidates their model versions, and register again what MLflow has lost."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from include.config.estimators import ParamValue
from include.config.project import Candidate, Project
from include.domain.champion import as_number
from include.domain.decision import LedgerEntry
from include.domain.errors import NightshiftError, TrackingError, TrainingError
from include.domain.names import TRAIN_TIMEOUT
from include.domain.results import TrainInputs, TrainResult
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import get_file, read_manifest
from include.io.models import SIGNATURE, TRAINING, LoadedModel, TrainingRecord, load_with, read_record
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST
from include.io.tracking import Measurement, ModelToLog, Registered, TrackedRun, Tracking

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


# entries about a candidate are younger than it; a day allows for clocks that differ
OLDEST_BEFORE_CANDIDATE = timedelta(days=1)


def register(
    store: ObjectStore, tracking: Tracking, ledger: Ledger, result: TrainResult, made_at: datetime
) -> Registered:
    """Return the model version of a candidate that is to be judged: the one it has, or a new one.

    Args:
        store: Holds its files.
        tracking: Its project's MLflow.
        ledger: Its project's.
        result: The candidate, and its run in MLflow.
        made_at: When it was made.

    Raises:
        TrackingError: MLflow does not answer; a retry continues.
    """
    name = result.candidate_id
    found = tracking.registered(name)
    # only a candidate that was there before this run may be known to the ledger
    known = ledger.version_of(name, made_at - OLDEST_BEFORE_CANDIDATE) if result.reused else ""
    if found is not None and found.version != known and not _is_free(ledger, found.version, name):
        _log.warning("version %s of MLflow is %s, and another model in the ledger: removed", found.number, name)
        tracking.remove_version(found.number)
        found = None
    if found is None:
        if tracking.highest_number() < ledger.highest_version():
            register_lost(store, tracking, ledger, result.tracking_run_id)
        number = tracking.register(name, result.tracking_run_id, name, known)
        return Registered(number, known or number, name)
    if known and found.version != known:
        tracking.name_version(found.number, known)
    return Registered(found.number, known or found.version, name)


def register_lost(store: ObjectStore, tracking: Tracking, ledger: Ledger, run_id: str) -> list[LedgerEntry]:
    """Bring MLflow's count of versions above the ledger's highest, and return what was registered again.

    Args:
        store: Holds candidates and releases.
        tracking: The project's MLflow.
        ledger: The project's.
        run_id: A run that MLflow has, for the numbers that are skipped.
    """
    highest, number = ledger.highest_version(), tracking.highest_number()
    _log.warning("MLflow's model versions end at %d, and the ledger's at %d: registering what is lost", number, highest)
    holders, registered = holders_of(ledger), tracking.registered_candidates()
    done: list[LedgerEntry] = []
    late: list[LedgerEntry] = []
    for version in range(number + 1, highest + 1):
        entry = holders.get(version)
        if number >= version:
            late += [entry] if entry else []
            continue
        made = register_again(store, tracking, entry) if entry and entry.candidate_id not in registered else None
        if entry is None or made is None:
            number = tracking.skip_number(run_id)
            continue
        number = int(made.number)
        if version < number <= highest:
            # MLflow has counted further than it shows: this number is another model's
            tracking.remove_version(made.number)
            late.append(entry)
        else:
            done.append(entry)
    return done + [entry for entry in late if register_again(store, tracking, entry)]


def register_missing(store: ObjectStore, tracking: Tracking, ledger: Ledger) -> None:
    """Register again whatever the ledger names, MLflow has lost and the store still holds; see `missing`."""
    lost = missing(store, tracking, ledger)
    if lost and tracking.highest_number() < ledger.highest_version():
        run_id = next((run_id for entry in reversed(lost) if (run_id := record_again(store, tracking, entry))), "")
        if run_id:
            register_lost(store, tracking, ledger, run_id)
    for entry in lost:
        register_again(store, tracking, entry)


def missing(store: ObjectStore, tracking: Tracking, ledger: Ledger) -> list[LedgerEntry]:
    """Return an entry about each version that MLflow has not, though the store holds its candidate or its release.

    What retention has removed is gone from all of them, and is not missing.
    """
    there = tracking.registered_candidates()
    lost = [entry for _, entry in sorted(holders_of(ledger).items()) if entry.candidate_id not in there]
    return [entry for entry in lost if any(store.exists(place) for place in _places(entry))]


def holders_of(ledger: Ledger) -> dict[int, LedgerEntry]:
    """Return by number the newest entry about the candidate that has the version: the first that was given it."""
    owners: dict[int, str] = {}
    found: dict[int, LedgerEntry] = {}
    for entry in ledger.entries():
        number = as_number(entry.version)
        if number and owners.setdefault(number, entry.candidate_id) == entry.candidate_id:
            found[number] = entry
    return found


def register_again(store: ObjectStore, tracking: Tracking, entry: LedgerEntry) -> Registered | None:
    """Register the model that an entry is about, from the bytes in the store; None when these are gone or damaged.

    What is registered is left as it is.
    """
    found = tracking.registered(entry.candidate_id)
    if found is not None:
        return found
    run_id = record_again(store, tracking, entry)
    if not run_id:
        return None
    number = tracking.register(entry.candidate_id, run_id, entry.candidate_id, entry.version)
    _log.warning("version %s (%s) is registered again, as %s", entry.version, entry.candidate_id, number)
    return Registered(number, entry.version, entry.candidate_id)


def record_again(store: ObjectStore, tracking: Tracking, entry: LedgerEntry) -> str:
    """Return the MLflow run of the model that an entry is about, recorded anew when it is lost; empty as above."""
    kept = _kept(store, entry)
    if kept is None:
        return ""
    model, record, files = kept
    tags = {
        "project": entry.project,
        "candidate": entry.candidate,
        "as_of": entry.as_of.isoformat(),
        "data_fingerprint": record.data_fingerprint,
        "lock_hash": record.lock_hash,
        "recorded_again": "true",
    }
    run = tracking.start(entry.candidate_id, f"{entry.candidate} {entry.as_of}", tags)
    if not run.finished:
        tracking.finish(
            run.run_id,
            params=params(record),
            measurements=measurements(record),
            files=files,
            model=ModelToLog(
                record.estimator,
                model.pipeline,
                model.data,
                [(feature.name, feature.kind) for feature in model.signature.features],
            ),
        )
    return run.run_id


def _kept(store: ObjectStore, entry: LedgerEntry) -> tuple[LoadedModel, TrainingRecord, dict[str, bytes]] | None:
    """Return model, record and small files as trained, or as released; None when neither is whole any more."""
    for place in _places(entry):
        try:
            manifest = read_manifest(store, place)
            if manifest is None or manifest.fingerprint != entry.candidate_id:
                continue
            record = read_record(store, manifest)
            small = {name: get_file(store, manifest.files[name]) for name in (SIGNATURE, TRAINING)}
            return load_with(store, manifest, record), record, small
        except NightshiftError as error:
            if error.retryable:
                raise
            _log.warning("version %s cannot be registered again from %s: %s", entry.version, store.uri(place), error)
    return None


def _places(entry: LedgerEntry) -> tuple[str, str]:
    """Return the keys of the manifests that may name the model's files."""
    return (
        keys.model_manifest(entry.project, entry.candidate_id),
        keys.release_file(entry.project, entry.version, MANIFEST),
    )


def _is_free(ledger: Ledger, version: str, candidate_id: str) -> bool:
    """Tell whether the ledger has no other candidate under a version."""
    return as_number(version) > ledger.highest_version() or ledger.holder(version) in ("", candidate_id)
