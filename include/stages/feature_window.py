"""Read the feature rows of many days as one frame, each day checked by its sha256."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import pandas as pd

from include.config.decision import DayRows
from include.config.errors import ObjectMissingError
from include.config.project import Project
from include.io import keys
from include.io.manifests import FileRef
from include.io.object_store import ObjectStore
from include.io.tables import get_frame
from include.stages.columns import DAY, ROWS
from include.stages.fingerprints import digest
from include.stages.snapshots import STORE_THREADS, read_manifests


@dataclass(frozen=True)
class FeatureWindow:
    """Hold the rows of several days.

    Attributes:
        frame: One row an example, oldest day first: `day` (ISO text, "2013-04-01"), the keys, the target (int8, 0 or
            1), the features (float64, or str with NaN for missing) and the protected columns. Rows without a label
            are not in it. A project's own column called `day` gives way to the partition's.
        fingerprint: A hash of the days and of the bytes of their rows.
        data: Each day's rows by key and sha256, so that the same window can be read again.
    """

    frame: pd.DataFrame
    fingerprint: str
    data: tuple[DayRows, ...] = ()


def read_window(store: ObjectStore, project: Project, days: Sequence[date]) -> FeatureWindow:
    """Return the feature rows of `days`, in day order.

    Raises:
        ObjectMissingError: Days have no features.
        ChecksumMismatchError: The rows of a day are not those its manifest names.
    """
    ordered = sorted(set(days))
    by_key = {keys.features_manifest(project.name, day): day for day in ordered}
    manifests = read_manifests(store, list(by_key))
    missing = [by_key[key].isoformat() for key, manifest in manifests.items() if manifest is None]
    if missing or not ordered:
        raise ObjectMissingError(
            f"{project.name}/features",
            "days have no features",
            got=f"{len(missing)} of {len(ordered)} days: {', '.join(missing[:5])}",
            hint="run ingest, validate and build_features for them first",
        )
    refs = {by_key[key]: manifest.files[ROWS] for key, manifest in manifests.items() if manifest is not None}

    def read(item: tuple[date, FileRef]) -> pd.DataFrame:
        day, ref = item
        frame = get_frame(store, ref)
        frame = frame.drop(columns=DAY, errors="ignore")
        frame.insert(0, DAY, pd.Series([day.isoformat()] * len(frame), index=frame.index, dtype="str"))
        return frame

    with ThreadPoolExecutor(max_workers=STORE_THREADS) as pool:
        parts = list(pool.map(read, refs.items()))
    content = [[day.isoformat(), ref.sha256] for day, ref in refs.items()]
    data = tuple(
        DayRows(day=day, key=ref.key, sha256=ref.sha256, rows=len(part))
        for (day, ref), part in zip(refs.items(), parts, strict=True)
    )
    return FeatureWindow(pd.concat(parts, ignore_index=True), digest(content), data)
