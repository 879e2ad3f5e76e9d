"""Find what the store keeps of a model's making: decision entry, training record, and the very rows."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd

from include.config.decision import DayRows, Decision, LedgerEntry
from include.config.errors import (
    ActRefusedError,
    ArtifactDamagedError,
    ChecksumMismatchError,
    ObjectMissingError,
    UnknownProjectError,
)
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import Manifest, get_file, parse_receipt, read_manifest
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST
from include.stages.candidates import TRAINING, TrainingRecord, TrainingSpec
from include.stages.feature_window import read_rows
from include.stages.snapshots import STORE_THREADS

UNREADABLE = (ObjectMissingError, ChecksumMismatchError, ArtifactDamagedError)


@dataclass(frozen=True)
class Kept:
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


def read_kept(store: ObjectStore, decision: Decision) -> tuple[Kept | None, list[str]]:
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
            return Kept(manifest, record, record.spec), []
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
