"""Train one candidate: tune it inside the train part, fit it, and keep it with everything needed to make it again."""

from __future__ import annotations

import logging

from include.config import clock
from include.config.errors import ArtifactDamagedError, ChecksumMismatchError, ObjectMissingError
from include.config.project import Project
from include.config.results import TrainInputs, TrainResult
from include.config.threads import training_threads
from include.io import keys
from include.io.manifests import Manifest, put_file, to_json, write_manifest
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking import ModelToLog, TrackedRun, Tracking
from include.stages.candidates import (
    MODEL,
    SIGNATURE,
    TRAINING,
    candidate_id,
    read_candidate,
    spec_of,
    train_days,
)
from include.stages.column_contract import refuse_window
from include.stages.feature_window import FeatureWindow, read_window
from include.stages.fitting import Trained, fit
from include.stages.partitions import refuse_unfinished
from include.stages.training_run import close_abandoned, failure_recorded, measurements, params, tags

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
                model.pipeline, model.data, [(feature.name, feature.kind) for feature in model.signature.features]
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
