"""Say what a day's raw snapshot is and what was known when it was read; read its tables, and many manifests at once.

History whose manifest is gone is never read anew in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pandas as pd

from include.config.errors import RawHistoryError
from include.config.project import Project
from include.io import keys
from include.io.manifests import Manifest, get_file, read_manifest
from include.io.object_store import ObjectStore
from include.io.tables import raw_from_parquet
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
    """Tell whether the raw snapshot of `day` was read before its labels were known; one that does not say is mature.

    Both declarations count, the one of now and the one it was read by: what was read too early then does not become
    mature because a shorter `label_delay_days` is declared since.
    """
    as_of = known_as_of(manifest)
    if as_of is None:
        return False
    return as_of < max(mature_on(project, day), day + timedelta(days=delay_when_read(manifest)))


def read_by(project: Project, as_of: date) -> dict[str, Any]:
    """Return what a raw manifest keeps of a reading: what was known then, and how late labels were declared to be."""
    return {"as_of": as_of.isoformat(), "label_delay_days": project.window.label_delay_days}


def delay_when_read(manifest: Manifest) -> int:
    """Return the `label_delay_days` that a snapshot was last read by; 0 in manifests of before it was kept."""
    return int(manifest.details.get("label_delay_days", 0))


def load_tables(store: ObjectStore, manifest: Manifest) -> dict[str, pd.DataFrame]:
    """Return the tables of a raw snapshot by name, each checked by its sha256."""
    return {name: raw_from_parquet(get_file(store, ref), store.uri(ref.key)) for name, ref in manifest.files.items()}


def read_manifests(store: ObjectStore, wanted: Sequence[str]) -> dict[str, Manifest | None]:
    """Return the manifest at each of the `wanted` keys (None where there is none), reading several at a time."""
    with ThreadPoolExecutor(max_workers=STORE_THREADS) as pool:
        return dict(zip(wanted, pool.map(lambda key: read_manifest(store, key), wanted), strict=True))


def refuse_other_history(store: ObjectStore, project: str, day: date, snapshot: str) -> None:
    """Refuse to put `snapshot`, just read, in force for a day whose history is another one and lost its manifest.

    What the day's validation passed, or its features were made from, is history. Without either, what lies there is
    what a killed ingest left: nobody has used it. A day that is new costs two reads, and no listing.

    Raises:
        RawHistoryError: The source gives something else than the day's history.
    """
    validation = read_manifest(store, keys.validation_manifest(project, day))
    if validation is not None and validation.status == "rejected":
        return
    if validation is None and read_manifest(store, keys.features_manifest(project, day)) is None:
        return
    orphans = snapshot_files(store, project, day)
    if validation is not None:
        in_force = snapshot_id(validation)
        orphans = {name: key for name, key in orphans.items() if name == in_force}
    if not orphans or snapshot in orphans:
        return
    raise RawHistoryError(
        f"{project}/ingest on {day}: {store.uri(keys.raw_manifest(project, day))}",
        "the manifest of this day's raw data is gone, and the source gives other data by now",
        got=f"snapshot {snapshot} from the source",
        allowed=tuple(f"snapshot {name}: {store.uri(key)}" for name, key in sorted(orphans.items())),
        hint="put the manifest back from a backup; or take what the source gives now as history, by --refresh-raw",
    )


def snapshot_files(store: ObjectStore, project: str, day: date) -> dict[str, str]:
    """Return the snapshots that lie under a day, in force or not: by id, the key of a table of each."""
    prefix = keys.raw_day(project, day)
    found: dict[str, str] = {}
    for info in store.list(prefix):
        folder, _, name = info.key.removeprefix(prefix).partition("/")
        if folder.startswith("snapshot=") and name.endswith(".parquet"):
            found.setdefault(folder.removeprefix("snapshot="), info.key)
    return found
