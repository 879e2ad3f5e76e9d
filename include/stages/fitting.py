"""Make a model from what was declared and the rows: the one way, for a night's training and for making it again."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from include.config.code_identity import model_code
from include.config.errors import TrainingError
from include.config.results import Span
from include.io.model_files import dump_model
from include.ml.estimators import build_estimator, score_with_one_thread
from include.ml.signature import model_input, signature_of
from include.ml.splitting import split
from include.ml.thresholds import choose_threshold
from include.ml.tuning import Tuned, settings_of, tune
from include.stages.candidates import LoadedModel, TrainingRecord, TrainingSpec
from include.stages.feature_window import FeatureWindow

LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "skops", "xgboost")


@dataclass(frozen=True)
class Trained:
    """Hold a model with its record."""

    model: LoadedModel
    record: TrainingRecord


def fit(
    spec: TrainingSpec, window: FeatureWindow, *, candidate_id: str, train: Span, threads: int, lock_hash: str
) -> Trained:
    """Tune the candidate inside the rows, fit it on all of them, choose its threshold, and say how it was made.

    Nothing but the arguments, the code and the libraries decides the result.

    Args:
        spec: What was declared.
        window: The rows of the train part.
        candidate_id: What the model is called.
        train: The days that were asked for.
        threads: How many threads the libraries may use.
        lock_hash: Of the dependency lock, for the record.

    Raises:
        TrainingError: The rows cannot train the candidate.
        EvaluationError: A fold cannot be scored.
    """
    frame, candidate = window.frame, spec.candidate
    labels = _labels(spec, frame)
    _refuse_empty_features(spec, frame)
    signature = signature_of(frame, spec.features, spec.target.name)
    table = model_input(frame, signature)
    pipeline, tuned, notes = _fitted(spec, table, labels, frame["day"].tolist(), threads)
    best = tuned.best
    threshold = choose_threshold(spec.threshold, spec.value, labels, tuned.scores)
    record = TrainingRecord(
        candidate=candidate.name,
        candidate_id=candidate_id,
        estimator=candidate.estimator,
        params=best.params,
        metric=spec.metric,
        cv_mean=best.mean,
        cv_std=best.std,
        fold_scores=best.scores,
        trials=tuple(tuned.trials),
        train=train,
        rows=len(frame),
        positive_rate=float(labels.mean()),
        data_fingerprint=window.fingerprint,
        code_fingerprint=model_code(),
        seed=spec.seed,
        threads=threads,
        versions={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        notes=notes,
        threshold=threshold,
        spec=spec,
        data=window.data,
        lock_hash=lock_hash,
    )
    data = dump_model(pipeline)
    return Trained(LoadedModel(pipeline, signature, data, threshold.value, threshold.objective), record)


def _fitted(
    spec: TrainingSpec, table: pd.DataFrame, labels: np.ndarray, days: Sequence[object], threads: int
) -> tuple[Pipeline, Tuned, tuple[str, ...]]:
    """Return the fitted pipeline, what cross-validation says, and each warning once, shortened."""
    candidate = spec.candidate

    def build(params: Mapping[str, Any]) -> Pipeline:
        return build_estimator(candidate.estimator, params, spec.features, seed=spec.seed, threads=threads)

    folds = split(days, labels, spec.cross_validation, spec.seed)
    with threadpool_limits(limits=threads), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tuned = tune(build, settings_of(candidate, spec.seed), table, labels, folds, spec.metric)
        pipeline = build(tuned.best.params)
        pipeline.fit(table, labels)
    score_with_one_thread(pipeline)
    notes = {f"{each.category.__name__}: {' '.join(str(each.message).split())[:200]}" for each in caught}
    return pipeline, tuned, tuple(sorted(notes))


def _labels(spec: TrainingSpec, frame: pd.DataFrame) -> np.ndarray:
    labels = np.asarray(frame[spec.target.name], dtype=int)
    if len(np.unique(labels)) < 2:
        raise TrainingError(
            f"{spec.project}, target {spec.target.name}",
            "the train part needs rows of both classes",
            got=f"{len(labels)} rows, {int(labels.sum())} positive",
            hint="lengthen window.days, or look at the target's rule",
        )
    return labels


def _refuse_empty_features(spec: TrainingSpec, frame: pd.DataFrame) -> None:
    """Refuse a feature without any value: no model learns from it, and none says so."""
    empty = [name for name in spec.features.names if frame[name].isna().all()]
    if empty:
        raise TrainingError(
            f"{spec.project}, candidate {spec.candidate.name}",
            "features have no value in any row of the train part",
            got=f"{', '.join(empty)}: all {len(frame)} rows missing",
            hint="does features.py find its columns, or has the source stopped to deliver them? remove them from "
            "features: if they are gone",
        )
