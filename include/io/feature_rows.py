"""Read feature rows, checked by their sha256: those of many days to learn from, or all of one day to score."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pandas as pd

from include.config.day_fingerprints import digest
from include.config.project import Project, Target
from include.domain.decision import DayRows
from include.domain.errors import ObjectMissingError
from include.io import keys
from include.io.keys import DAY, ROWS
from include.io.manifests import FileRef
from include.io.object_store import ObjectStore
from include.io.raw_rows import STORE_THREADS, read_manifests
from include.io.tables import get_frame


class Labelled(Protocol):
    """Be what says which column is the target."""

    @property
    def target(self) -> Target:
        """Return what is predicted."""


@dataclass(frozen=True)
class FeatureWindow:
    """Hold the rows of several days.

    Attributes:
        frame: One row an example, oldest day first: `day` (ISO text, "2013-04-01"), the keys, the target (int8, 0 or
            1), the features (float64, or str with NaN for missing) and the protected columns. Rows without a label
            are left out. A project's own column called `day` gives way to the partition's.
        fingerprint: A hash of the days and of the bytes of their rows.
        data: Each day's rows by key and sha256, so that the same window can be read again.
        unlabelled: The rows without a label, which nobody learns from or is judged on, with `day` as `frame` has it;
            None where only the others were asked for.
    """

    frame: pd.DataFrame
    fingerprint: str
    data: tuple[DayRows, ...] = ()
    unlabelled: pd.DataFrame | None = None


def read_window(store: ObjectStore, project: Project, days: Sequence[date]) -> FeatureWindow:
    """Return the labelled feature rows of `days`, in day order.

    Raises:
        ObjectMissingError: Days have no features.
        ChecksumMismatchError: The rows of a day are not those its manifest names.
    """
    refs = _rows_of(store, project, sorted(set(days)))
    parts = _parted(store, project, list(refs.items()))
    data = tuple(
        DayRows(day=day, key=ref.key, sha256=ref.sha256, rows=len(labelled), unlabelled=len(unlabelled), size=ref.size)
        for (day, ref), (labelled, unlabelled) in zip(refs.items(), parts, strict=True)
    )
    frame = pd.concat([labelled for labelled, _ in parts], ignore_index=True)
    left_out = pd.concat([unlabelled for _, unlabelled in parts], ignore_index=True)
    return FeatureWindow(frame, window_fingerprint(data), data, left_out)


def window_fingerprint(data: Sequence[DayRows]) -> str:
    """Return a hash of the days and of the bytes of their rows."""
    return digest([[each.day.isoformat(), each.sha256] for each in data])


def read_rows(store: ObjectStore, declared: Labelled, data: Sequence[DayRows]) -> pd.DataFrame:
    """Return the labelled feature rows that a model was trained or judged on, as `read_window` gave them then.

    Args:
        store: Holds the rows.
        declared: The project, or what a training record keeps of it.
        data: Which rows.

    Raises:
        ObjectMissingError: The rows of a day are gone: retention took them, or they were never written.
        ChecksumMismatchError: The rows of a day are not those that are named.
    """
    refs = [(each.day, FileRef(key=each.key, sha256=each.sha256, size=each.size)) for each in data]
    return pd.concat([labelled for labelled, _ in _parted(store, declared, refs)], ignore_index=True)


def read_day(store: ObjectStore, project: Project, day: date) -> pd.DataFrame:
    """Return all feature rows of `day`, in the order of the assembled day, whether their label is known or not.

    Returns:
        The keys, the target (nullable Int8: 0, 1 or missing), the features and the protected columns, with the index
        0, 1, 2, ... A project's own column called `day` stays.

    Raises:
        ObjectMissingError: The day has no features.
        ChecksumMismatchError: The rows are not those the manifest names.
    """
    return get_frame(store, _rows_of(store, project, [day])[day]).astype({project.target.name: "Int8"})


def _rows_of(store: ObjectStore, project: Project, days: Sequence[date]) -> dict[date, FileRef]:
    by_key = {keys.features_manifest(project.name, day): day for day in days}
    manifests = read_manifests(store, list(by_key))
    missing = [by_key[key].isoformat() for key, manifest in manifests.items() if manifest is None]
    if missing or not days:
        raise ObjectMissingError(
            f"{project.name}/features",
            "days have no features",
            got=f"{len(missing)} of {len(days)} days: {', '.join(missing[:5])}",
            hint="run ingest, validate and build_features for them first",
        )
    return {by_key[key]: manifest.files[ROWS] for key, manifest in manifests.items() if manifest is not None}


def _parted(
    store: ObjectStore, declared: Labelled, refs: Sequence[tuple[date, FileRef]]
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return each day's rows that have a label, and those that have none, reading several days at a time."""

    def read(item: tuple[date, FileRef]) -> tuple[pd.DataFrame, pd.DataFrame]:
        day, ref = item
        frame = get_frame(store, ref).drop(columns=DAY, errors="ignore")
        frame.insert(0, DAY, pd.Series([day.isoformat()] * len(frame), index=frame.index, dtype="str"))
        known = frame[declared.target.name].notna()
        labelled = frame[known].reset_index(drop=True).astype({declared.target.name: "int8"})
        return labelled, frame[~known].reset_index(drop=True)

    with ThreadPoolExecutor(max_workers=STORE_THREADS) as pool:
        return list(pool.map(read, refs))
