"""Make a recorded model again from its decision alone, and compare: bytes first, then every number.

The project's folder is not read: declaration, code of the features and source may have changed since, or be gone. What
counts is in the store: decision, training record, and the very rows it was trained and judged on. Nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.config.decision import Decision
from include.config.errors import ModelUntrustedError
from include.config.gates import MetricName
from include.config.results import Origin
from include.config.threads import training_threads
from include.io.decisions import read_decision
from include.io.manifests import to_json
from include.io.object_store import ObjectStore
from include.ml.baseline import measure_trivial
from include.ml.metrics import measure
from include.ml.tuning import settings_of
from include.operations.reproduction import (
    Difference,
    Reproduction,
    compare,
    compare_circumstances,
    compare_decision,
    compare_measured,
    compare_models,
    compare_records,
)
from include.operations.training_evidence import UNREADABLE, Kept, find_version, read_days, read_kept
from include.stages.candidates import MODEL, SIGNATURE, LoadedModel, TrainingSpec, load_from
from include.stages.feature_window import FeatureWindow, window_fingerprint
from include.stages.fitting import Trained, fit

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
    kept, missing = read_kept(store, decision)
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


def _make_again(kept: Kept, frame: pd.DataFrame, here: Origin, tell: Tell) -> Trained:
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
    kept: Kept,
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
    store: ObjectStore, kept: Kept, trained: Trained, frame: pd.DataFrame
) -> tuple[list[Difference], list[str]]:
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
) -> tuple[dict[str, float], list[Difference], list[str]]:
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
