"""Score: give every row of one day the champion's probability, with the champion as it was known on that day.

A prediction that is late, repeated or made in a backfill never takes the place of a newer one (see `predictions`).
"""

from __future__ import annotations

import logging
from datetime import date

import pandas as pd

from include.config.decision import LedgerEntry
from include.config.errors import EvaluationError, LedgerConflictError, ObjectMissingError
from include.config.parts import PREDICTION_COLUMNS
from include.config.project import Project
from include.config.results import ScoreInputs, ScoreResult
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import Manifest, read_manifest
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tables import get_frame
from include.ml.metrics import check_probabilities
from include.stages.champions import Champion, load_champion
from include.stages.columns import ROWS
from include.stages.partitions import refuse_unfinished
from include.stages.predictions import PredictedFrom, Predictions, may_replace, read_place, write_predictions

MAX_ATTEMPTS = 20

_log = logging.getLogger(__name__)


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
        place = read_place(store, project.name, day)
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


def _result(store: ObjectStore, project: Project, inputs: ScoreInputs, found: Predictions) -> ScoreResult:
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
