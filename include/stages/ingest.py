"""Ingest: snapshot days of raw data from the source, so that history stays when the source changes."""

from __future__ import annotations

import hashlib
import itertools
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from include.config.day_fingerprints import source_digest
from include.config.project import FileSource, Project
from include.config.window import mature_on, portions, refuse_unfinished, with_lookback
from include.domain import clock
from include.domain.errors import (
    PreconditionFailedError,
    RawHistoryError,
    SourceDataError,
    SourceIncompleteError,
    aggregated,
)
from include.domain.results import IngestResult, PartitionInputs
from include.io import keys
from include.io.manifests import (
    MAX_TRIES,
    CurrentManifest,
    FileRef,
    Manifest,
    kept_changing,
    put_file,
    read_current,
    read_manifest,
    replace_current,
    to_json,
)
from include.io.object_store import ObjectStore
from include.io.raw_rows import is_immature, known_as_of, read_by, refuse_other_history, snapshot_id
from include.io.sources import read_source
from include.io.stores import open_store
from include.io.tables import SharedTables, to_parquet

logger = logging.getLogger(__name__)

# half of the time that retention leaves alone what was written
RENEWED_AFTER = timedelta(hours=12)
_ENCODED = SharedTables()


@dataclass(frozen=True)
class _Ingested:
    rows: int
    written: bool


def run(project: Project, inputs: PartitionInputs) -> IngestResult:
    """Snapshot the days of a batch, and the days they look back to.

    A day that has a snapshot keeps it, even with `force`: raw data is history. So does one whose manifest is gone: its
    snapshot is put in force again when the source still gives it, and never replaced without a word. The source is read
    again when `refresh_raw` asks for it, when validation rejected the day, when it was read from a differently declared
    source, and when it was read before its labels were known (by the declaration of then or of now) and they are by
    now. A snapshot that differs becomes the one in force; the older one stays whole beside it. All days are tried
    before bad ones are reported.

    Returns:
        Rows of all tables; `written` and `reused` count days, those looked back to included.

    Raises:
        SourceIncompleteError: All days that could not be read have files that end too early; they may be arriving.
        SourceDataError: Days are missing, empty or unreadable at the source.
        RawHistoryError: The manifest of a day's snapshot is gone, and the source gives something else by now.
        SourceUnavailableError: The source does not answer.
        ConnectionMissingError: The source's connection is configured nowhere.
        PartitionChangedError: Other runs kept changing a day.
    """
    refuse_unfinished(inputs)
    store = open_store(inputs.store_url)
    days = with_lookback(project, inputs.days)
    done: list[_Ingested] = []
    refused: list[tuple[date, SourceDataError]] = []
    orphaned: list[tuple[date, str]] = []
    for day in itertools.chain.from_iterable(portions(project, days, inputs.origin.run_id)):
        try:
            done.append(_ingest_day(project, inputs, store, day))
        except SourceDataError as error:
            logger.warning("%s", error)
            refused.append((day, error))
        except RawHistoryError as error:
            orphaned.append((day, str(error)))
    if orphaned:
        raise aggregated(
            RawHistoryError,
            f"{project.name}/ingest",
            "have lost the manifest of their raw data, and the source gives other data by now",
            sorted(orphaned),
            total=len(days),
            hint="put the manifests back from a backup; or take what the source gives now as history, by --refresh-raw",
        )
    if refused:
        # trying again helps only where every file may still be arriving
        arriving = all(isinstance(error, SourceIncompleteError) for _, error in refused)
        raise aggregated(
            SourceIncompleteError if arriving else SourceDataError,
            f"{project.name}/ingest",
            "could not be read from the source",
            sorted((day, str(error)) for day, error in refused),
            total=len(days),
            hint="every day is like this: look at source in project.yaml, or ask whether the source delivers at all"
            if len(refused) == len(days) > 1
            else "have the source deliver the day again and run again, or list the day in window.excluded",
        )
    rows, written = sum(day.rows for day in done), sum(day.written for day in done)
    logger.info("%s: %d of %d days ingested, the others reused, %d rows", project.name, written, len(days), rows)
    return IngestResult(days=inputs.days, rows=rows, written=written, reused=len(days) - written)


def _ingest_day(project: Project, inputs: PartitionInputs, store: ObjectStore, day: date) -> _Ingested:
    for _ in range(MAX_TRIES):
        seen = read_current(store, keys.raw_manifest(project.name, day))
        if seen.manifest is not None and not _to_be_read_again(project, inputs, store, day, seen.manifest):
            return _Ingested(_rows(seen.manifest), written=False)
        done = _read_again(project, inputs, store, day, seen)
        if done is not None:
            return done
        logger.info("%s %s: another run ingested it first", project.name, day)
    raise kept_changing(f"{project.name}/ingest on {day}")


def _to_be_read_again(
    project: Project, inputs: PartitionInputs, store: ObjectStore, day: date, found: Manifest
) -> bool:
    """Tell whether the snapshot in force does not do: see `run` for the reasons."""
    if inputs.refresh_raw or found.details["source"] != source_digest(project):
        return True
    if is_immature(project, day, found) and inputs.as_of >= mature_on(project, day):
        return True
    validation = read_manifest(store, keys.validation_manifest(project.name, day))
    return validation is not None and validation.status == "rejected" and snapshot_id(validation) == snapshot_id(found)


def _read_again(
    project: Project, inputs: PartitionInputs, store: ObjectStore, day: date, seen: CurrentManifest
) -> _Ingested | None:
    """Read the source and put what it gives in force; None when another run was first, whose snapshot then counts."""
    landing = open_store(inputs.landing_url) if inputs.landing_url else store
    frames = read_source(project, day, landing, inputs.connections)
    tables = {name: _encoded(project, day, name, frame) for name, frame in frames.items()}
    content = hashlib.sha256()
    for name, data in sorted(tables.items()):
        content.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\0".encode())
    snapshot, source = content.hexdigest()[:16], source_digest(project)
    if seen.manifest is None and not inputs.refresh_raw:
        refuse_other_history(store, project.name, day, snapshot)
    as_of = _known_as_of(project, inputs, day, seen.manifest)
    found = seen.manifest
    if found is not None and snapshot_id(found) == snapshot and found.details["source"] == source:
        return _confirm(store, keys.raw_manifest(project.name, day), found, read_by(project, as_of), seen)
    manifest = Manifest(
        kind="raw",
        project=project.name,
        day=day,
        fingerprint=content.hexdigest(),
        files={
            name: _put_table(project, store, day, snapshot, name, data, rows=len(frames[name]))
            for name, data in tables.items()
        },
        origin=inputs.origin,
        made_at=clock.now(),
        details={"snapshot": snapshot, "source": source, "kind": project.source.kind, **read_by(project, as_of)},
    )
    # the older one was perhaps written before each snapshot had a manifest of its own
    for whole in (manifest, found):
        if whole is not None:
            _keep_whole(store, whole, keys.snapshot_manifest(project.name, day, snapshot_id(whole)))
    written = replace_current(store, keys.raw_manifest(project.name, day), manifest, seen)
    return _Ingested(_rows(manifest), written=True) if written else None


def _is_undated(project: Project, table: str) -> bool:
    return isinstance(project.source, FileSource) and not project.source.tables[table].dated


def _encoded(project: Project, day: date, table: str, frame: pd.DataFrame) -> bytes:
    """Return a table as Parquet; what neighbouring days share is one frame, and encoded once."""
    where = f"{project.name}/{day}: table '{table}'"
    if not _is_undated(project, table):
        return to_parquet(frame, where)
    # the frame is kept with its bytes, so that its id names no other meanwhile
    return _ENCODED.made(id(frame), lambda: (frame, to_parquet(frame, where)))[1]


def _put_table(
    project: Project, store: ObjectStore, day: date, snapshot: str, name: str, data: bytes, rows: int
) -> FileRef:
    """Write a table where no day has written the same one, and return what the day's manifest says of it.

    Two writers of one undated table write the same bytes. Retention leaves alone what was written lately; so what lies
    there for longer than `RENEWED_AFTER` is written again, and stays until this day's manifest names it.
    """
    if not _is_undated(project, name):
        return put_file(store, keys.raw_table(project.name, day, snapshot, name), data, rows=rows)
    sha256 = hashlib.sha256(data).hexdigest()
    ref = FileRef(key=keys.undated_table(project.name, sha256, name), sha256=sha256, size=len(data), rows=rows)
    lately = clock.now() - RENEWED_AFTER
    if not any(one.size == ref.size and one.modified > lately for one in store.list(ref.key)):
        store.put(ref.key, data)
    return ref


def _known_as_of(project: Project, inputs: PartitionInputs, day: date, found: Manifest | None) -> date:
    """Return the as-of day of what the source gives now: a run for an earlier day does not make it older."""
    if found is None:
        return inputs.as_of
    return max(inputs.as_of, known_as_of(found) or mature_on(project, day))


def _confirm(
    store: ObjectStore, key: str, found: Manifest, read: dict[str, Any], seen: CurrentManifest
) -> _Ingested | None:
    """Note that the source still gives the snapshot in force, so that its labels count as known; it stays the same."""
    later = found.model_copy(update={"details": {**found.details, **read}})
    if known_as_of(found) is not None and later != found and not replace_current(store, key, later, seen):
        return None
    return _Ingested(_rows(found), written=False)


def _keep_whole(store: ObjectStore, manifest: Manifest, key: str) -> None:
    """Give a snapshot the manifest of its own that stays when a newer snapshot comes in force."""
    with suppress(PreconditionFailedError):
        store.put(key, to_json(manifest), if_absent=True)


def _rows(manifest: Manifest) -> int:
    return sum(ref.rows or 0 for ref in manifest.files.values())
