"""Keep one day's predictions: data first, then the manifest by compare-and-set, and only ever forward.

Forward means: predictions made with what was known on their day come before those made in hindsight, and of two alike
the one of the later ledger entry. What is replaced stays in the store, but no manifest names it any more.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import date

import pandas as pd
from pydantic import ValidationError

from include.config import clock
from include.config.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    ObjectMissingError,
    PreconditionFailedError,
)
from include.config.results import Origin, Receipt
from include.io import keys
from include.io.manifests import Manifest, get_file, parse_receipt, put_file, to_json
from include.io.object_store import ObjectStore
from include.io.tables import to_parquet
from include.stages.columns import ROWS
from include.stages.fingerprints import digest

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
class Predictions:
    """Hold the predictions in force of one day: their manifest, and what they are made from."""

    manifest: Manifest
    made_from: PredictedFrom

    @property
    def rows(self) -> int:
        """Return how many rows have a prediction."""
        return self.manifest.files[ROWS].rows or 0


@dataclass(frozen=True)
class Place:
    """Hold what is at the key of a day's manifest.

    Attributes:
        etag: Of the object; None when there is none.
        found: None when there are no predictions, or damaged ones, which count as none.
    """

    etag: str | None = None
    found: Predictions | None = None


def read_place(store: ObjectStore, project: str, day: date) -> Place:
    """Return a day's predictions in force with the ETag to replace them by; their rows are checked, too."""
    key = keys.predictions_manifest(project, day)
    try:
        stored = store.read(key)
    except ObjectMissingError:
        return Place()
    try:
        found = _parse(stored.data, store.uri(key))
        get_file(store, found.manifest.files[ROWS])
    except (ArtifactDamagedError, ChecksumMismatchError, ObjectMissingError) as error:
        _log.warning("the predictions of %s for %s are damaged and are made again: %s", project, day, error)
        return Place(stored.etag)
    return Place(stored.etag, found)


def may_replace(new: PredictedFrom, old: Predictions | None, origin: Origin, *, force: bool) -> bool:
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
) -> Predictions | None:
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
    return Predictions(manifest, made_from)


def _parse(data: bytes, where: str) -> Predictions:
    manifest = parse_receipt(data, where, Manifest)
    if manifest.kind != "predictions" or ROWS not in manifest.files:
        raise ArtifactDamagedError(where, "not a manifest of predictions", got=manifest.kind)
    try:
        return Predictions(manifest, PredictedFrom.model_validate(manifest.details))
    except ValidationError as error:
        raise ArtifactDamagedError(where, "the manifest does not say what the predictions are made from") from error
