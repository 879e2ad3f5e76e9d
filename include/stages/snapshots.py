"""Say what a day's raw snapshot is and what was known when it was read; read its tables, and many manifests at once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pandas as pd

from include.config.project import Project
from include.io.manifests import Manifest, read_manifest
from include.io.object_store import ObjectStore
from include.io.tables import get_frame
from include.stages.partitions import mature_on

# requests in flight: an S3 server answers in milliseconds, so a window's manifests take a fraction of a second
STORE_THREADS = 8


def snapshot_id(manifest: Manifest) -> str:
    """Return the id of the snapshot that a raw or validation manifest is about: a hash of its tables."""
    return str(manifest.details["snapshot"])


def known_as_of(manifest: Manifest) -> date | None:
    """Return the newest as-of day of the runs that read this snapshot from the source; None in older manifests."""
    found = manifest.details.get("as_of")
    return date.fromisoformat(found) if found else None


def is_immature(project: Project, day: date, manifest: Manifest) -> bool:
    """Tell whether the raw snapshot of `day` was read before its labels were known; one that does not say is mature."""
    as_of = known_as_of(manifest)
    return as_of is not None and as_of < mature_on(project, day)


def load_tables(store: ObjectStore, manifest: Manifest) -> dict[str, pd.DataFrame]:
    """Return the tables of a raw snapshot by name, each checked by its sha256."""
    return {name: get_frame(store, ref) for name, ref in manifest.files.items()}


def read_manifests(store: ObjectStore, wanted: Sequence[str]) -> dict[str, Manifest | None]:
    """Return the manifest at each of the `wanted` keys (None where there is none), reading several at a time."""
    with ThreadPoolExecutor(max_workers=STORE_THREADS) as pool:
        return dict(zip(wanted, pool.map(lambda key: read_manifest(store, key), wanted), strict=True))
