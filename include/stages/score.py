"""Give every row of one day the champion's probability, as it was known on that day; predictions only go forward."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import date

import pandas as pd
from pydantic import ValidationError

from include.config.day_fingerprints import digest
from include.config.project import Project
from include.config.sections import PREDICTION_COLUMNS
from include.config.window import refuse_unfinished
from include.domain import clock
from include.domain.decision import LedgerEntry
from include.domain.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    EvaluationError,
    LedgerConflictError,
    ObjectMissingError,
    PreconditionFailedError,
)
from include.domain.results import Origin, Receipt, ScoreInputs, ScoreResult
from include.io import keys
from include.io.keys import ROWS
from include.io.ledger import Ledger
from include.io.manifests import Manifest, get_file, parse_receipt, put_file, read_manifest, to_json
from include.io.models import Champion, load_champion
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tables import get_frame, to_parquet
from include.ml.metrics import check_probabilities

_log = logging.getLogger(__name__)


class PredictedFrom(Receipt):
    """Say what one day's predictions are made from: the details of their manifest.

    Attributes:
        ledger_number: Of the entry that put the champion in force.
        version: Of the champion.
        candidate_id: Of the champion.
        model_as_of: The day of the champion's data.
        features: The fingerprint of the day's features.
        features_sha256: Of the bytes of their rows.
        hindsight: Whether the champion's data is later than the day.
        threshold: A score of at least this was answered by yes; None before the champion was loaded, and in manifests
            of before answers were given.
    """

    ledger_number: int
    version: str
    candidate_id: str
    model_as_of: date
    features: str
    features_sha256: str
    hindsight: bool
    threshold: float | None = None

    def is_of(self, other: PredictedFrom) -> bool:
        """Tell whether champion and features are the same; the threshold is the champion's, known or not."""
        return self.model_copy(update={"threshold": None}) == other.model_copy(update={"threshold": None})

    @property
    def rank(self) -> tuple[bool, int]:
        """Return what only grows: without hindsight before with it, then the ledger's order."""
        return not self.hindsight, self.ledger_number


@dataclass(frozen=True)
class DayPredictions:
    """Hold the predictions in force of one day: their manifest, and what they are made from."""

    manifest: Manifest
    made_from: PredictedFrom

    @property
    def rows(self) -> int:
        """Return how many rows have a prediction."""
        return self.manifest.files[ROWS].rows or 0


@dataclass(frozen=True)
class CurrentPredictions:
    """Hold what is at the key of a day's manifest.

    Attributes:
        etag: Of the object; None when there is none.
        found: None when there are no predictions, or damaged ones, which count as none.
    """

    etag: str | None = None
    found: DayPredictions | None = None


def read_current_predictions(store: ObjectStore, project: str, day: date) -> CurrentPredictions:
    """Return a day's predictions in force with the ETag to replace them by; their rows are checked, too."""
    key = keys.predictions_manifest(project, day)
    try:
        stored = store.read(key)
    except ObjectMissingError:
        return CurrentPredictions()
    try:
        found = _parse(stored.data, store.uri(key))
        get_file(store, found.manifest.files[ROWS])
    except (ArtifactDamagedError, ChecksumMismatchError, ObjectMissingError) as error:
        _log.warning("the predictions of %s for %s are damaged and are made again: %s", project, day, error)
        return CurrentPredictions(stored.etag)
    return CurrentPredictions(stored.etag, found)


def may_replace(new: PredictedFrom, old: DayPredictions | None, origin: Origin, *, force: bool) -> bool:
    """Tell whether predictions made from `new` may take the place of those in force.

    Args:
        new: What would be written.
        old: What is in force, whole; None when nothing is.
        origin: Of the run: a backfill replaces nothing.
        force: Replace predictions of the same champion although their features are the same.
    """
    if old is None:
        return True
    if origin.run_type == "backfill":
        return False
    if new.rank != old.made_from.rank:
        return new.rank > old.made_from.rank
    return force or not new.is_of(old.made_from)


def write_predictions(
    store: ObjectStore,
    project: str,
    day: date,
    frame: pd.DataFrame,
    made_from: PredictedFrom,
    origin: Origin,
    etag: str | None,
) -> DayPredictions | None:
    """Write the rows, then put them in force; return None when another run changed the manifest meanwhile.

    Args:
        frame: One row a prediction: the keys, `score`, `answer` and `version`.
        etag: Of the manifest that is replaced, read before anything that `made_from` names; None for the first.
    """
    data = to_parquet(frame, f"{project}/{day}: predictions")
    content = hashlib.sha256(data).hexdigest()
    key = keys.predictions_rows(project, day, made_from.version, content)
    details = made_from.model_dump(mode="json")
    manifest = Manifest(
        kind="predictions",
        project=project,
        day=day,
        fingerprint=digest(details),
        files={ROWS: put_file(store, key, data, rows=len(frame))},
        origin=origin,
        made_at=clock.now(),
        details=details,
    )
    try:
        store.put(keys.predictions_manifest(project, day), to_json(manifest), if_absent=etag is None, if_match=etag)
    except PreconditionFailedError:
        return None
    return DayPredictions(manifest, made_from)


def _parse(data: bytes, where: str) -> DayPredictions:
    manifest = parse_receipt(data, where, Manifest)
    if manifest.kind != "predictions" or ROWS not in manifest.files:
        raise ArtifactDamagedError(where, "not a manifest of predictions", got=manifest.kind)
    try:
        return DayPredictions(manifest, PredictedFrom.model_validate(manifest.details))
    except ValidationError as error:
        raise ArtifactDamagedError(where, "the manifest does not say what the predictions are made from") from error


MAX_ATTEMPTS = 20


def run(project: Project, inputs: ScoreInputs) -> ScoreResult:
    """Score the rows of the run's day, labelled or not, and put the predictions in force unless newer ones are.

    The model is the champion as of the day, by the ledger: none that was trained on later data, unless `hindsight`
    asks for the champion in force and the predictions say so. A day before the first champion is not scored.

    Returns:
        What is in force for the day afterwards, or why nothing was scored.

    Raises:
        ObjectMissingError: The day has no features, or the champion's release is gone.
        EvaluationError: The features do not fit the champion, or its scores are no probabilities.
        ChecksumMismatchError, ModelUntrustedError: Rows or model are not those that were written.
        LedgerConflictError: Other runs changed the predictions every time.
    """
    refuse_unfinished(inputs)
    store, day = open_store(inputs.store_url), inputs.as_of
    for _ in range(MAX_ATTEMPTS):
        # read before ledger and features: whoever writes between has seen no less of them than this run
        place = read_current_predictions(store, project.name, day)
        ledger = Ledger(store, project.name)
        entry = ledger.champion(None if inputs.hindsight else day)
        if entry is None:
            return _not_scored(project, day, ledger)
        features = _features_of(store, project, day)
        made_from = _made_from(entry, features, day)
        if place.found is not None and not may_replace(made_from, place.found, inputs.origin, force=inputs.force):
            return _result(store, project, inputs, place.found)
        ledger.check(entry.number)
        champion = load_champion(store, entry)
        frame = _score(project, day, champion, get_frame(store, features.files[ROWS]))
        made_from = made_from.model_copy(update={"threshold": champion.model.threshold})
        written = write_predictions(store, project.name, day, frame, made_from, inputs.origin, place.etag)
        if written is not None:
            return _result(store, project, inputs, written)
        _log.info("%s %s: another run changed the predictions, looking again", project.name, day)
    raise LedgerConflictError(
        store.uri(keys.predictions_manifest(project.name, day)),
        "other runs changed the predictions every time",
        got=f"{MAX_ATTEMPTS} attempts",
        hint="run it again when fewer runs score this day",
    )


def _not_scored(project: Project, day: date, ledger: Ledger) -> ScoreResult:
    """Return the result of a day before the first champion; predictions that are there stay as they are."""
    known = ledger.champions()
    if known:
        oldest = f"the oldest is version {known[-1].version} of {known[-1].as_of}"
        reason = f"no champion as of {day}; {oldest}; hindsight scores with the one in force"
    else:
        reason = f"no champion as of {day}: none was promoted yet"
    _log.info("score %s %s: %s", project.name, day, reason)
    return ScoreResult(day=day, rows=0, written=False, skipped=reason)


def _features_of(store: ObjectStore, project: Project, day: date) -> Manifest:
    key = keys.features_manifest(project.name, day)
    manifest = read_manifest(store, key)
    if manifest is None:
        raise ObjectMissingError(
            store.uri(key), "the day has no features", hint="run ingest, validate and build_features for it first"
        )
    return manifest


def _made_from(entry: LedgerEntry, features: Manifest, day: date) -> PredictedFrom:
    return PredictedFrom(
        ledger_number=entry.number,
        version=entry.version,
        candidate_id=entry.candidate_id,
        model_as_of=entry.as_of,
        features=features.fingerprint,
        features_sha256=features.files[ROWS].sha256,
        hindsight=entry.as_of > day,
    )


def _score(project: Project, day: date, champion: Champion, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the keys of `rows` with score, answer and version.

    `score` is the probability of the positive class (float64), `answer` is 1 where it is at least the champion's
    threshold, else 0 (int8), and `version` is the champion's.
    """
    where = f"{project.name}/score on {day}: champion {champion.entry.version}"
    missing = champion.model.signature.missing_from(rows.columns)
    if missing:
        raise EvaluationError(
            where,
            "the day's features lack columns that the model needs",
            got=f"missing: {', '.join(missing)}",
            allowed=champion.model.signature.names,
            hint="features.py or the declaration changed after its training: bring them back, or promote a new model",
        )
    scores = champion.model.score(rows)
    check_probabilities(scores, where)
    frame = rows[list(project.keys)].copy()
    score, answer, version = PREDICTION_COLUMNS
    frame[score], frame[answer] = scores, (scores >= champion.model.threshold).astype("int8")
    frame[version] = champion.entry.version
    return frame


def _result(store: ObjectStore, project: Project, inputs: ScoreInputs, found: DayPredictions) -> ScoreResult:
    """Return what is in force; what an earlier try of this run wrote counts as written by it."""
    made_from, origin = found.made_from, found.manifest.origin
    written = (origin.dag_id, origin.run_id) == (inputs.origin.dag_id, inputs.origin.run_id)
    _log.info(
        "score %s %s: %d rows by version %s of %s%s, %s",
        project.name,
        inputs.as_of,
        found.rows,
        made_from.version,
        made_from.model_as_of,
        " in hindsight" if made_from.hindsight else "",
        "written" if written else "there already",
    )
    return ScoreResult(
        day=inputs.as_of,
        rows=found.rows,
        version=made_from.version,
        model_as_of=made_from.model_as_of,
        predictions_uri=store.uri(keys.predictions_manifest(project.name, inputs.as_of)),
        written=written,
        hindsight=made_from.hindsight,
    )
