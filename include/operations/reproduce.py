"""Make a recorded model again from its decision alone, by the very rows, and compare: bytes first, then numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.config.settings import training_threads
from include.domain.decision import DayRows, Decision, LedgerEntry
from include.domain.errors import (
    ActRefusedError,
    ArtifactDamagedError,
    ChecksumMismatchError,
    ModelUntrustedError,
    ObjectMissingError,
    UnknownProjectError,
)
from include.domain.metrics import MetricName
from include.domain.results import Origin
from include.io import keys
from include.io.feature_rows import FeatureWindow, read_rows, window_fingerprint
from include.io.ledger import Ledger, read_decision
from include.io.manifests import Manifest, get_file, parse_receipt, read_manifest, to_json
from include.io.models import MODEL, SIGNATURE, TRAINING, LoadedModel, TrainingRecord, TrainingSpec, load_from
from include.io.object_store import ObjectStore
from include.io.raw_rows import STORE_THREADS
from include.io.releases import MANIFEST
from include.ml.baseline import measure_trivial
from include.ml.metrics import measure
from include.ml.tuning import settings_of
from include.operations.model_comparison import (
    NumberDifference,
    Reproduction,
    compare,
    compare_circumstances,
    compare_decision,
    compare_measured,
    compare_models,
    compare_records,
)
from include.stages.train import Trained, fit

UNREADABLE = (ObjectMissingError, ChecksumMismatchError, ArtifactDamagedError)


@dataclass(frozen=True)
class TrainingEvidence:
    """Hold what the store keeps of a trained model: the manifest that names its files, and how it was made."""

    manifest: Manifest
    record: TrainingRecord
    spec: TrainingSpec


def find_version(store: ObjectStore, project: str, version: str) -> LedgerEntry:
    """Return the newest entry of the ledger that is about a decision on `version`.

    Raises:
        UnknownProjectError: The store holds no history of the project.
        ActRefusedError: No decision was made on such a version.
    """
    history = Ledger(store, project).history()
    known: dict[str, None] = {}
    for entry in reversed(history):
        if entry.version == version and entry.decision_id:
            return entry
        known.setdefault(entry.version)
    where = f"the ledger of {project}"
    if not history:
        raise UnknownProjectError(where, "no decision in this store yet", hint=f"./nightshift run {project}")
    allowed = tuple(number for number in known if number)
    hint = f"./nightshift ledger {project} lists them"
    raise ActRefusedError(where, "no decision on such a version", got=repr(version), allowed=allowed, hint=hint)


def read_evidence(store: ObjectStore, decision: Decision) -> tuple[TrainingEvidence | None, list[str]]:
    """Return the model's record from its candidate or, when that is gone, from its release; or what is missing."""
    project, challenger = decision.project, decision.challenger
    places = (
        keys.model_manifest(project, challenger.candidate_id),
        keys.release_file(project, challenger.version, MANIFEST),
    )
    missing = []
    for key in places:
        try:
            manifest = read_manifest(store, key)
            if manifest is None:
                missing.append(f"{store.uri(key)}: there is no such manifest; retention may have removed it")
                continue
            data = get_file(store, manifest.files[TRAINING])
            record = parse_receipt(data, store.uri(manifest.files[TRAINING].key), TrainingRecord)
        except UNREADABLE as error:
            missing.append(str(error))
            continue
        if record.spec is not None and record.data:
            return TrainingEvidence(manifest, record, record.spec), []
        missing.append(f"{store.uri(key)}: the record names no rows and no declared parts: an older version wrote it")
    return None, missing


def read_days(
    store: ObjectStore, spec: TrainingSpec, data: Sequence[DayRows], use: str
) -> tuple[pd.DataFrame | None, list[str]]:
    """Return the rows of all days in order, or which of them are gone or changed."""

    def read(rows: DayRows) -> pd.DataFrame | str:
        try:
            return read_rows(store, spec, [rows])
        except ObjectMissingError:
            return (
                f"feature rows of {rows.day}: {store.uri(rows.key)} is gone; "
                "retention removed it, or a repair of the store"
            )
        except ChecksumMismatchError as error:
            return (
                f"feature rows of {rows.day}: {store.uri(rows.key)} holds other bytes than the model was {use}; "
                f"got: {error.problem.got}; allowed: sha256 {rows.sha256}"
            )

    with ThreadPoolExecutor(max_workers=STORE_THREADS) as pool:
        parts = list(pool.map(read, data))
    frames = [part for part in parts if not isinstance(part, str)]
    if len(frames) < len(parts):
        return None, [part for part in parts if isinstance(part, str)]
    return pd.concat(frames, ignore_index=True), []


Tell = Callable[[str], None]


@dataclass(frozen=True)
class Remade:
    """Hold the comparison, and the model that was made for it (None when something needed is missing)."""

    reproduction: Reproduction
    trained: Trained | None


def reproduce(store: ObjectStore, project: str, version: str, here: Origin, tell: Tell) -> Remade:
    """Make a version again and compare it with what was recorded.

    Args:
        store: Holds the project's ledger.
        project: Its name.
        version: The model version.
        here: The commit and the lock of the code that makes it again.
        tell: Told what is being done, for people who wait.

    Raises:
        UnknownProjectError, ActRefusedError: The store knows no such project, or its ledger no such version.
        ObjectMissingError, ArtifactDamagedError: The decision itself is gone or damaged.
        TrainingError, EvaluationError: The rows cannot train or measure a model any more.
    """
    entry = find_version(store, project, version)
    decision = read_decision(store, project, entry.decision_id)
    about = Reproduction(
        project=project,
        version=version,
        candidate_id=decision.challenger.candidate_id,
        as_of=decision.as_of,
        decision_id=decision.decision_id,
        status="incomplete",
    )
    kept, missing = read_evidence(store, decision)
    if kept is None:
        return Remade(about.model_copy(update={"missing": tuple(missing)}), None)
    record = kept.record
    about = about.model_copy(
        update={
            "model_then": kept.manifest.files[MODEL].sha256,
            "days": len(record.data),
            "rows": record.rows,
            "threads": record.threads,
        }
    )
    tell(f"reading {record.rows} rows of {len(record.data)} days")
    frame, missing = read_days(store, kept.spec, record.data, "trained on")
    if frame is None:
        return Remade(about.model_copy(update={"missing": tuple(missing)}), None)
    trained = _make_again(kept, frame, here, tell)
    return Remade(_compared(store, decision, kept, frame, trained, about, here, tell), trained)


def _make_again(kept: TrainingEvidence, frame: pd.DataFrame, here: Origin, tell: Tell) -> Trained:
    record, spec = kept.record, kept.spec
    trials, folds = len(settings_of(spec.candidate, spec.seed)), spec.cross_validation.folds
    tell(
        f"training {record.candidate} ({record.estimator}): settings {trials}, folds {folds}, threads {record.threads}"
    )
    return fit(
        spec,
        FeatureWindow(frame, window_fingerprint(record.data), record.data),
        candidate_id=record.candidate_id,
        train=record.train,
        threads=record.threads,
        lock_hash=here.lock_hash,
    )


def _compared(
    store: ObjectStore,
    decision: Decision,
    kept: TrainingEvidence,
    frame: pd.DataFrame,
    trained: Trained,
    about: Reproduction,
    here: Origin,
    tell: Tell,
) -> Reproduction:
    then, now = kept.record, trained.record
    tell("comparing")
    differences, missing = _compare_files(store, kept, trained, frame)
    differences += [*compare_records(then, now), *compare_decision(decision, now)]
    holdout, unlike, unmeasured = _measure_again(store, decision, kept.spec, trained)
    differences, missing = differences + unlike, missing + unmeasured
    commits = (decision.origin.git_commit, here.git_commit)
    return about.model_copy(
        update={
            "status": "different" if differences else "incomplete" if missing else "identical",
            "model_now": hashlib.sha256(trained.model.data).hexdigest(),
            "holdout": holdout,
            "differences": tuple(differences),
            "circumstances": tuple(compare_circumstances(then, now, threads=training_threads(), commits=commits)),
            "missing": tuple(missing),
        }
    )


def _compare_files(
    store: ObjectStore, kept: TrainingEvidence, trained: Trained, frame: pd.DataFrame
) -> tuple[list[NumberDifference], list[str]]:
    """Compare the bytes; when the model's differ, look inside the one that is stored."""
    made = {MODEL: trained.model.data, SIGNATURE: to_json(trained.model.signature)}
    found = []
    for name, data in made.items():
        found += compare(f"{name}, sha256", kept.manifest.files[name].sha256, hashlib.sha256(data).hexdigest())
    try:
        stored: LoadedModel = load_from(store, kept.manifest)
    except (*UNREADABLE, ModelUntrustedError) as error:
        return found, [str(error)]
    if stored.data != trained.model.data:
        found += compare_models(stored, trained.model, frame)
    return found, []


def _measure_again(
    store: ObjectStore, decision: Decision, spec: TrainingSpec, trained: Trained
) -> tuple[dict[str, float], list[NumberDifference], list[str]]:
    """Measure the model and the baseline on the rows that they were judged on."""
    if not decision.holdout_data:
        return {}, [], [f"decision {decision.decision_id}: it names no rows of the holdout: an older version wrote it"]
    frame, missing = read_days(store, spec, decision.holdout_data, "judged on")
    if frame is None:
        return {}, [], missing
    labels = np.asarray(frame[spec.target.name], dtype=int)
    where = f"holdout of {decision.project}, {decision.holdout.first} to {decision.holdout.last}"
    names = list(decision.challenger.holdout)
    measured = measure(names, labels, trained.model.score(frame), where, trained.model.threshold)  # type: ignore[arg-type]
    baseline = _baseline_again(decision, labels, trained.record.positive_rate, where)
    found = [
        *compare("decision: rows of the holdout", decision.holdout_rows, len(frame)),
        *compare("decision: share of positives in the holdout", decision.positive_rate, float(labels.mean())),
        *compare_measured("challenger", decision.challenger.holdout, measured),
        *compare_measured("baseline", decision.baseline, baseline),
    ]
    return measured, found, []


def _baseline_again(decision: Decision, labels: np.ndarray, prior: float, where: str) -> dict[str, float]:
    """Return the baseline's metrics by the rule of the decision's time: once it was the prior whatever the metric."""
    names: list[MetricName] = list(decision.baseline)  # type: ignore[arg-type]
    if decision.measurements.over_baseline:
        return measure_trivial(names, labels, prior, where)
    return measure(names, labels, np.full(len(labels), prior), where)
