"""Ingest: snapshot days of raw data from the source, so that history stays when the source changes."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import date

from include.config import clock
from include.config.errors import PreconditionFailedError, SourceDataError
from include.config.project import Project
from include.config.results import IngestResult, PartitionInputs
from include.io import keys
from include.io.manifests import Manifest, put_file, read_manifest, to_json
from include.io.object_store import ObjectStore
from include.io.sources import read_source
from include.io.stores import open_store
from include.io.tables import to_parquet
from include.stages.fingerprints import source_digest
from include.stages.partitions import with_lookback
from include.stages.refusals import several
from include.stages.snapshots import Snapshot, read_snapshot, snapshot_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ingested:
    rows: int
    written: bool


def run(project: Project, inputs: PartitionInputs) -> IngestResult:
    """Snapshot the days of a batch, and the days they look back to.

    A day that has a snapshot keeps it, even with `force`: raw data is history. Only a day that validation rejected,
    or that was read from a differently declared source, is read again; the new snapshot replaces the old one when its
    bytes differ. All days are tried before bad ones are reported.

    Returns:
        Rows of all tables; `written` and `reused` count days, those looked back to included.

    Raises:
        SourceDataError: Days are missing, empty or unreadable at the source.
        SourceUnavailableError: The source does not answer.
        ConnectionMissingError: The source's connection is configured nowhere.
    """
    store = open_store(inputs.store_url)
    days = with_lookback(project, inputs.days)
    done: list[_Ingested] = []
    refused: list[tuple[date, str]] = []
    for day in days:
        try:
            done.append(_ingest_day(project, inputs, store, day))
        except SourceDataError as error:
            logger.warning("%s", error)
            refused.append((day, str(error)))
    if refused:
        raise several(
            SourceDataError,
            f"{project.name}/ingest",
            "could not be read from the source",
            refused,
            total=len(days),
            hint="have the source deliver the day again and run again, or list the day in window.excluded",
        )
    rows, written = sum(day.rows for day in done), sum(day.written for day in done)
    logger.info("%s: %d of %d days ingested, the others reused, %d rows", project.name, written, len(days), rows)
    return IngestResult(days=inputs.days, rows=rows, written=written, reused=len(days) - written)


def _ingest_day(project: Project, inputs: PartitionInputs, store: ObjectStore, day: date) -> _Ingested:
    found = read_snapshot(store, project, day)
    if found is not None and not _to_be_read_again(project, store, day, found):
        return _Ingested(_rows(found.manifest), written=False)
    frames = read_source(project, day, store, inputs.connections)
    tables = {name: to_parquet(frame, f"{project.name}/{day}: table '{name}'") for name, frame in frames.items()}
    source = source_digest(project)
    identity = hashlib.sha256()
    for name, data in sorted(tables.items()):
        identity.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\0".encode())
    content = identity.hexdigest()
    snapshot = content[:16]
    if found is not None and found.id == snapshot and found.manifest.details["source"] == source:
        return _Ingested(_rows(found.manifest), written=False)
    manifest = Manifest(
        kind="raw",
        project=project.name,
        day=day,
        fingerprint=content,
        files={
            name: put_file(store, keys.raw_table(project.name, day, snapshot, name), data, rows=len(frames[name]))
            for name, data in tables.items()
        },
        origin=inputs.origin,
        made_at=clock.now(),
        details={"snapshot": snapshot, "source": source, "kind": project.source.kind},
    )
    return _commit(store, project, day, manifest, found)


def _to_be_read_again(project: Project, store: ObjectStore, day: date, found: Snapshot) -> bool:
    """Tell whether the snapshot in force was rejected, or was read from a source declared otherwise."""
    if found.manifest.details["source"] != source_digest(project):
        return True
    validation = read_manifest(store, keys.validation_manifest(project.name, day))
    return validation is not None and validation.status == "rejected" and snapshot_id(validation) == found.id


def _commit(store: ObjectStore, project: Project, day: date, manifest: Manifest, found: Snapshot | None) -> _Ingested:
    """Put the snapshot in force, unless another run was first: then theirs is history, and ours is not used."""
    key = keys.raw_manifest(project.name, day)
    try:
        if found is None:
            store.put(key, to_json(manifest), if_absent=True)
        else:
            store.put(key, to_json(manifest), if_match=found.etag)
    except PreconditionFailedError:
        theirs = read_snapshot(store, project, day)
        if theirs is None:
            raise
        logger.info("%s %s: another run ingested it first", project.name, day)
        return _Ingested(_rows(theirs.manifest), written=False)
    return _Ingested(_rows(manifest), written=True)


def _rows(manifest: Manifest) -> int:
    return sum(ref.rows or 0 for ref in manifest.files.values())
