"""Read models back whole from the store, and name them: trained candidates, and the champion a run compares with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from include.config.estimators import ParamValue
from include.config.identity import deciding_value
from include.config.project import Candidate, CrossValidation, Features, Project, Target
from include.config.sections import Threshold, Value
from include.config.settings import training_threads
from include.domain.champion import ChampionState
from include.domain.decision import DayRows, Decision, LedgerEntry
from include.domain.errors import ChecksumMismatchError, ObjectMissingError
from include.domain.metrics import MetricName
from include.domain.results import PlanResult, Receipt, Span
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import Manifest, get_file, parse_receipt, read_manifest
from include.io.model_files import load_model
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST as RELEASE_MANIFEST
from include.io.releases import release_sha256
from include.ml.estimators import positive_scores
from include.ml.signature import Signature, model_input
from include.ml.thresholds import ChosenThreshold
from include.ml.tuning import Trial

MODEL = "model.skops"
SIGNATURE = "signature.json"
TRAINING = "training.json"
DECISION = "decision.json"
MANIFEST = "manifest.json"


class TrainingSpec(Receipt):
    """Hold every declared part that makes a model: with the rows and the threads, enough to make it again.

    Attributes:
        metric: Chooses between the candidate's trials: the project's primary metric.
        threshold: How the threshold is chosen.
        value: What each outcome is worth, where that chooses the threshold; else None.
    """

    project: str
    problem: Literal["binary"]
    candidate: Candidate
    features: Features
    target: Target
    cross_validation: CrossValidation
    metric: MetricName
    seed: int
    threshold: Threshold = Threshold()
    value: Value | None = None


class TrainingRecord(Receipt):
    """Say how a model was made, so that it can be made again.

    Attributes:
        code_fingerprint: `model_code` then; a hash of `include/ml` in records of before it was kept.
        trials: Every setting tried, with its score in each fold; `params` is the best of them.
        positive_rate: Share of positives in the train part: what a model without features would answer.
        versions: Of Python and the libraries.
        notes: What the libraries warned of while fitting.
        threshold: From which score on the answer is yes; 0.5 in records of before it was chosen.
        spec: What was declared; None in records of before it was kept: such a model cannot be made again.
        data: The rows it was made from, day by day.
        lock_hash: Of the dependency lock it was made under.
    """

    candidate: str
    candidate_id: str
    estimator: str
    params: dict[str, ParamValue]
    metric: str
    cv_mean: float
    cv_std: float
    fold_scores: tuple[float, ...]
    trials: tuple[Trial, ...]
    train: Span
    rows: int
    positive_rate: float
    data_fingerprint: str
    code_fingerprint: str
    seed: int
    threads: int
    versions: dict[str, str]
    notes: tuple[str, ...] = ()
    threshold: ChosenThreshold = ChosenThreshold()
    spec: TrainingSpec | None = None
    data: tuple[DayRows, ...] = ()
    lock_hash: str = "unknown"


@dataclass(frozen=True)
class LoadedModel:
    """Hold a model with its signature, as loaded from one manifest.

    Attributes:
        threshold: A score of at least this is a yes.
        objective: How the threshold was chosen, in words.
    """

    pipeline: Pipeline
    signature: Signature
    data: bytes
    threshold: float = ChosenThreshold().value
    objective: str = ChosenThreshold().objective

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the probability of the positive class for each row of `frame`, through the model's own signature."""
        with threadpool_limits(limits=training_threads()):
            return positive_scores(self.pipeline, model_input(frame, self.signature))


def train_days(plan: PlanResult) -> tuple[date, ...]:
    """Return the plan's days that models may be fitted and tuned on."""
    return tuple(day for day in plan.days if plan.train.first <= day <= plan.train.last)


def holdout_days(plan: PlanResult) -> tuple[date, ...]:
    """Return the plan's days that judge the models."""
    return tuple(day for day in plan.days if plan.holdout.first <= day <= plan.holdout.last)


def spec_of(project: Project, candidate: Candidate) -> TrainingSpec:
    """Return what `project` declares of the making of `candidate`."""
    return TrainingSpec(
        project=project.name,
        problem=project.problem,
        candidate=candidate,
        features=project.features,
        target=project.target,
        cross_validation=project.cross_validation,
        metric=project.metrics.primary,
        seed=project.seed,
        threshold=project.threshold,
        value=deciding_value(project),
    )


def read_candidate(store: ObjectStore, project: str, identity: str) -> tuple[Manifest, LoadedModel, TrainingRecord]:
    """Return a trained candidate, every file checked.

    Raises:
        ObjectMissingError: It was never finished.
        ChecksumMismatchError: A file is not the one that was written.
        ModelUntrustedError: The model holds types outside the allow-list.
    """
    manifest = candidate_manifest(store, project, identity)
    record = read_record(store, manifest)
    return manifest, load_with(store, manifest, record), record


def candidate_manifest(store: ObjectStore, project: str, identity: str) -> Manifest:
    """Return the manifest of a trained candidate.

    Raises:
        ObjectMissingError: It was never finished.
    """
    key = keys.model_manifest(project, identity)
    manifest = read_manifest(store, key)
    if manifest is None:
        raise ObjectMissingError(store.uri(key), "no such trained candidate", hint="run train for it again")
    return manifest


def was_rolled_back(store: ObjectStore, project: str, identity: str, state: ChampionState) -> bool:
    """Tell whether a candidate is one that was rolled back, or the same model, byte for byte, under another id.

    Other code or another lock make another candidate of the same night, though the model may be the very one. A model
    that a person has put in force since is none.

    Args:
        identity: The candidate's id.
        state: Names those that were rolled back; one that is no longer stored is known by its id alone.

    Raises:
        ArtifactDamagedError: A manifest cannot be read.
    """
    if identity in state.barred or not state.barred:
        return identity in state.barred
    mine, champion = _model_sha256(store, project, identity), state.champion
    if not mine or (champion and _model_sha256(store, project, champion.candidate_id) == mine):
        return False
    return any(_model_sha256(store, project, each) == mine for each in sorted(state.barred))


def _model_sha256(store: ObjectStore, project: str, identity: str) -> str:
    manifest = read_manifest(store, keys.model_manifest(project, identity))
    return manifest.files[MODEL].sha256 if manifest else ""


def load_from(store: ObjectStore, manifest: Manifest) -> LoadedModel:
    """Return the model of a candidate's or a release's manifest, every file checked.

    Raises:
        ObjectMissingError, ChecksumMismatchError, ModelUntrustedError: See `read_candidate`.
    """
    return load_with(store, manifest, read_record(store, manifest))


def read_record(store: ObjectStore, manifest: Manifest) -> TrainingRecord:
    """Return the training record of a candidate's or a release's manifest.

    Raises:
        ObjectMissingError, ChecksumMismatchError, ArtifactDamagedError: It is not the one that was written.
    """
    ref = manifest.files[TRAINING]
    return parse_receipt(get_file(store, ref), store.uri(ref.key), TrainingRecord)


def load_with(store: ObjectStore, manifest: Manifest, record: TrainingRecord) -> LoadedModel:
    """Return the model of a manifest whose training record is read; see `load_from`."""
    data = get_file(store, manifest.files[MODEL])
    where = store.uri(manifest.files[SIGNATURE].key)
    signature = parse_receipt(get_file(store, manifest.files[SIGNATURE]), where, Signature)
    pipeline = load_model(data, store.uri(manifest.files[MODEL].key))
    return LoadedModel(pipeline, signature, data, record.threshold.value, record.threshold.objective)


@dataclass(frozen=True)
class Champion:
    """Hold a champion: the promotion that made it, its model, and the decision that let it in."""

    entry: LedgerEntry
    model: LoadedModel
    decision: Decision


def read_rival(store: ObjectStore, ledger: Ledger, as_of: date) -> tuple[Champion | None, str]:
    """Return the champion as of a day, or None and why there is none to compare with.

    Before the first promotion there is no reason to tell. A champion of long ago may have been removed by retention: a
    run about its time then goes without the comparison. It promotes nothing, because the champion in force is newer.

    Raises:
        ObjectMissingError: The release of the champion in force is gone.
        ArtifactDamagedError: The entry is not the one that the next entry was written after.
        ChecksumMismatchError, ModelUntrustedError: See `load_champion`.
    """
    entry = ledger.champion(as_of)
    if entry is None:
        return None, ""
    ledger.check(entry.number)
    try:
        return load_champion(store, entry), ""
    except ObjectMissingError:
        if entry == ledger.champion():
            raise
        return None, f"the release of version {entry.version} is gone; retention keeps the newest champions"


def load_champion(store: ObjectStore, entry: LedgerEntry) -> Champion:
    """Return the champion that a ledger entry put in force.

    Raises:
        ObjectMissingError: The ledger names a release that is not there.
        ChecksumMismatchError, ModelUntrustedError: The release is not the one that was published.
    """
    # by its key, not by the address it had: a store may be moved or restored elsewhere
    manifest = read_manifest(store, keys.release_file(entry.project, entry.version, RELEASE_MANIFEST))
    if manifest is None:
        raise ObjectMissingError(
            entry.release_uri,
            f"the release of champion {entry.version} is gone",
            got=f"ledger entry {entry.number} of {entry.project}",
            hint=f"./nightshift reconcile {entry.project} repairs the champion in force; others go with keep.versions",
        )
    check_release(store, entry)
    where = store.uri(manifest.files[DECISION].key)
    decision = parse_receipt(get_file(store, manifest.files[DECISION]), where, Decision)
    return Champion(entry, load_from(store, manifest), decision)


def check_release(store: ObjectStore, entry: LedgerEntry) -> None:
    """Compare a release's manifest with what the ledger entry says that put it in force.

    Raises:
        ObjectMissingError: The release is gone.
        ChecksumMismatchError: The manifest is another one, or of another candidate.
    """
    found = release_sha256(store, entry.project, entry.version)
    if entry.release_sha256 not in ("", found):
        raise ChecksumMismatchError(
            store.uri(keys.release_file(entry.project, entry.version, RELEASE_MANIFEST)),
            f"the release is not the one that ledger entry {entry.number} put in force",
            got=f"sha256 {found}",
            allowed=(f"sha256 {entry.release_sha256}",),
            hint=f"./nightshift reconcile {entry.project} publishes it again from the trained candidate",
        )
