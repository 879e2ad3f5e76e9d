"""Read a day's raw snapshot and its tables, and many manifests at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import pandas as pd

from include.config.errors import ObjectMissingError
from include.config.project import Project
from include.io import keys
from include.io.manifests import Manifest, parse_receipt, read_manifest
from include.io.object_store import ObjectStore
from include.io.tables import get_frame

# requests in flight: an S3 server answers in milliseconds, so a window's manifests take a fraction of a second
STORE_THREADS = 8


@dataclass(frozen=True)
class Snapshot:
    """Hold the raw manifest of one day, with the ETag it was read at."""

    manifest: Manifest
    etag: str

    @property
    def id(self) -> str:
        """Return the snapshot's id, a hash of its tables."""
        return snapshot_id(self.manifest)


def snapshot_id(manifest: Manifest) -> str:
    """Return the id of the snapshot that a raw or validation manifest is about."""
    return str(manifest.details["snapshot"])


def read_snapshot(store: ObjectStore, project: Project, day: date) -> Snapshot | None:
    """Return the snapshot of `day` that is in force, or None when the day was never ingested."""
    key = keys.raw_manifest(project.name, day)
    try:
        found = store.read(key)
    except ObjectMissingError:
        return None
    return Snapshot(parse_receipt(found.data, store.uri(key), Manifest), found.etag)


def load_tables(store: ObjectStore, manifest: Manifest) -> dict[str, pd.DataFrame]:
    """Return the tables of a raw snapshot by name, each checked by its sha256."""
    return {name: get_frame(store, ref) for name, ref in manifest.files.items()}


def read_manifests(store: ObjectStore, wanted: Sequence[str]) -> dict[str, Manifest | None]:
    """Return the manifest at each of the `wanted` keys (None where there is none), reading several at a time."""
    with ThreadPoolExecutor(max_workers=STORE_THREADS) as pool:
        return dict(zip(wanted, pool.map(lambda key: read_manifest(store, key), wanted), strict=True))
