"""Train one candidate: tune it inside the train part, fit it, and keep it with everything needed to make it again."""

from __future__ import annotations

import logging
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

from include.config.identity import candidate_id, model_code
from include.config.project import Project
from include.config.settings import training_threads
from include.config.window import refuse_unfinished
from include.domain import clock
from include.domain.errors import ArtifactDamagedError, ChecksumMismatchError, ObjectMissingError, TrainingError
from include.domain.results import Span, TrainInputs, TrainResult
from include.io import keys
from include.io.feature_rows import FeatureWindow, read_window
from include.io.manifests import Manifest, put_file, to_json, write_manifest
from include.io.model_files import dump_model, libraries
from include.io.model_registry import close_abandoned, failure_recorded, measurements, params, tags
from include.io.models import (
    MODEL,
    SIGNATURE,
    TRAINING,
    LoadedModel,
    TrainingRecord,
    TrainingSpec,
    read_candidate,
    spec_of,
    train_days,
)
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking import ModelToLog, TrackedRun, Tracking
from include.ml.estimators import build_estimator, fit_pipeline, score_with_one_thread
from include.ml.signature import model_input, signature_of
from include.ml.thresholds import choose_threshold
from include.ml.tuning import Tuned, settings_of, split, tune
from include.stages.validate.column_contract import refuse_window


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
        code_fingerprint=model_code(candidate.estimator),
        seed=spec.seed,
        threads=threads,
        versions=_versions(candidate.estimator),
        notes=notes,
        threshold=threshold,
        spec=spec,
        data=window.data,
        lock_hash=lock_hash,
    )
    data = dump_model(pipeline)
    return Trained(LoadedModel(pipeline, signature, data, threshold.value, threshold.objective), record)


def _versions(estimator: str) -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in libraries(estimator)}}


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
        pipeline = fit_pipeline(build(tuned.best.params), table, labels)
    score_with_one_thread(pipeline, candidate.estimator)
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


_log = logging.getLogger(__name__)


def run(project: Project, inputs: TrainInputs) -> TrainResult:
    """Train the candidate on the plan's train days, or find it trained already.

    The holdout's rows are never read here. A candidate is trained already when its manifest exists and its files are
    whole; `force` trains it again, and leaves the files as they are when the same model comes out. The manifest is
    written last, after MLflow has the run.

    Raises:
        PartitionRejectedError: A used column is not the same on all days of the window.
        TrainingError: The data cannot train the candidate.
        EvaluationError: A fold cannot be scored.
        TrackingError, StoreError: MLflow or the store does not answer; a retry continues.
    """
    refuse_unfinished(inputs)
    store = open_store(inputs.store_url)
    candidate = project.candidate(inputs.candidate)
    refuse_window(project, store, inputs.plan.days)
    window = read_window(store, project, train_days(inputs.plan))
    identity = candidate_id(
        project,
        candidate,
        inputs.plan,
        as_of=inputs.as_of,
        data_fingerprint=window.fingerprint,
        lock_hash=inputs.origin.lock_hash,
    )
    tracking = Tracking(inputs.tracking_url, project.name, store.uri(keys.tracking_artifacts(project.name)))
    kept = _find(store, project, identity)
    found = None if inputs.force else kept
    tracked = tracking.start(identity, f"{candidate.name} {inputs.as_of}", tags(project, inputs, window.fingerprint))
    # after the start, which takes up what a killed try of this very candidate left
    close_abandoned(tracking, inputs)
    with failure_recorded(tracking, tracked, candidate):
        trained = found or _fit(project, inputs, window, identity)
        if kept is not None and kept.model.data == trained.model.data:
            # its files may be published already, and a release never changes
            trained = kept
        _keep(store, tracking, tracked, project, inputs, trained, reused=trained is kept)
    record = trained.record
    _log.info(
        "train %s %s: %s %s %.4f +- %.4f on %d rows%s",
        project.name, inputs.as_of, identity, record.metric, record.cv_mean, record.cv_std, record.rows,
        ", reused" if found else "",
    )  # fmt: skip
    return TrainResult(
        candidate=candidate.name,
        candidate_id=identity,
        model_uri=store.uri(keys.model_file(project.name, identity, MODEL)),
        cv_mean=record.cv_mean,
        cv_std=record.cv_std,
        rows=record.rows,
        tracking_run_id=tracked.run_id,
        reused=found is not None,
    )


def _find(store: ObjectStore, project: Project, identity: str) -> Trained | None:
    """Return the trained candidate, or None when it is not there or damaged, so that it is made anew."""
    try:
        _, model, record = read_candidate(store, project.name, identity)
    except ObjectMissingError:
        return None
    except (ChecksumMismatchError, ArtifactDamagedError) as error:
        _log.warning("candidate %s is damaged and is trained again: %s", identity, error)
        return None
    return Trained(model, record)


def _fit(project: Project, inputs: TrainInputs, window: FeatureWindow, identity: str) -> Trained:
    return fit(
        spec_of(project, project.candidate(inputs.candidate)),
        window,
        candidate_id=identity,
        train=inputs.plan.train,
        threads=training_threads(),
        lock_hash=inputs.origin.lock_hash,
    )


def _keep(
    store: ObjectStore,
    tracking: Tracking,
    tracked: TrackedRun,
    project: Project,
    inputs: TrainInputs,
    trained: Trained,
    *,
    reused: bool,
) -> None:
    """Write the files, record the run, and write the manifest; what an earlier try has done is left as it is."""
    record, model = trained.record, trained.model
    small = {SIGNATURE: to_json(model.signature), TRAINING: to_json(record)}
    refs = {}
    if not reused:
        for name, data in {MODEL: model.data, **small}.items():
            refs[name] = put_file(store, keys.model_file(project.name, record.candidate_id, name), data)
    if not tracked.finished:
        tracking.finish(
            tracked.run_id,
            params=params(record),
            measurements=measurements(record),
            files=small,
            model=ModelToLog(
                record.estimator,
                model.pipeline,
                model.data,
                [(feature.name, feature.kind) for feature in model.signature.features],
            ),
        )
    if not reused:
        manifest = Manifest(
            kind="model",
            project=project.name,
            fingerprint=record.candidate_id,
            files=refs,
            origin=inputs.origin,
            made_at=clock.now(),
            details={
                "as_of": inputs.as_of.isoformat(),
                "candidate": record.candidate,
                "tracking_run_id": tracked.run_id,
                "data_fingerprint": record.data_fingerprint,
            },
        )
        write_manifest(store, keys.model_manifest(project.name, record.candidate_id), manifest)
