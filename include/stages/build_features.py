"""Build features: turn good raw rows into feature rows with their labels, from what was known before and no more."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from include.config import clock
from include.config.project import Project, Target
from include.config.results import FeaturesResult, PartitionInputs
from include.io import keys
from include.io.manifests import Manifest, put_file
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tables import to_parquet
from include.stages.columns import ROWS
from include.stages.feature_contract import build, unknown_columns
from include.stages.fingerprints import Recipe, recipe_of
from include.stages.good_days import GoodDays
from include.stages.in_force import MAX_TRIES, kept_changing, look, put_in_force
from include.stages.partitions import lookback_of, portions, refuse_unfinished
from include.stages.snapshots import snapshot_id

logger = logging.getLogger(__name__)


def run(project: Project, inputs: PartitionInputs) -> FeaturesResult:
    """Write the feature rows of the days of a batch; days that are there already, from the same, are left alone.

    Returns:
        Labelled `rows` and rows `unlabelled` (kept beside them) of all days, and how many days were `written` now.

    Raises:
        PartitionRejectedError: A day is not validated, or was rejected.
        ProjectCodeError: `features.py` fails or breaks its contract.
        PartitionChangedError: Another run is changing a day; looking again later is safe.
    """
    refuse_unfinished(inputs)
    store = open_store(inputs.store_url)
    recipe = recipe_of(project)
    rows = unlabelled = written = 0
    for portion in portions(project, sorted(inputs.days), inputs.origin.run_id):
        settled, new = _settle(project, inputs, store, recipe, portion)
        rows += sum(manifest.details["rows"] for manifest in settled.values())
        unlabelled += sum(manifest.details["unlabelled"] for manifest in settled.values())
        written += new
    logger.info("%s: features of %d days written, %d rows, %d unlabelled", project.name, written, rows, unlabelled)
    return FeaturesResult(days=inputs.days, rows=rows, unlabelled=unlabelled, written=written)


def _settle(
    project: Project, inputs: PartitionInputs, store: ObjectStore, recipe: Recipe, days: Sequence[date]
) -> tuple[dict[date, Manifest], int]:
    """Return the features of each day, and how many were written now; a day that another run changed is seen anew."""
    settled: dict[date, Manifest] = {}
    written = 0
    for _ in range(MAX_TRIES):
        left = [day for day in days if day not in settled]
        # before the snapshots are read: see in_force
        seen = {day: look(store, keys.features_manifest(project.name, day)) for day in left}
        good_days = GoodDays(project, store, recipe)
        for day in left:
            needed = (*lookback_of(project, day), day)
            fingerprint = recipe.of_features({each: snapshot_id(good_days.snapshot(each)) for each in needed})
            known = seen[day].manifest
            if known is not None and known.fingerprint == fingerprint and not inputs.force:
                settled[day] = known
                continue
            manifest = _make(project, inputs, store, recipe, day, fingerprint, good_days)
            if put_in_force(store, keys.features_manifest(project.name, day), manifest, seen[day]):
                settled[day] = manifest
                written += 1
        if len(settled) == len(days):
            return settled, written
    changed = ", ".join(str(day) for day in days if day not in settled)
    raise kept_changing(f"{project.name}/build_features on {changed}")


def history_of(project: Project, day: date, frames: Mapping[date, pd.DataFrame]) -> pd.DataFrame | None:
    """Return the rows of the days that `day` looks back to, oldest first; None when none is declared.

    Of days whose label is not known by the end of `day` (see `label_delay_days`), the target's column and the
    `unknown_at_prediction` columns are emptied: a run for that day could not have known them.

    Args:
        project: Declares lookback, delay and what is unknown.
        day: The day whose features are made.
        frames: The good rows of the days looked back to.
    """
    if not project.window.lookback_days:
        return None
    known_until = day - timedelta(days=project.window.label_delay_days)
    parts = []
    for earlier in lookback_of(project, day):
        frame = frames[earlier]
        if earlier > known_until:
            frame = frame.copy(deep=False)
            for name in unknown_columns(project):
                if name in frame.columns:
                    frame[name] = frame[name].mask(pd.Series(data=True, index=frame.index))
        parts.append(frame)
    return pd.concat(parts, ignore_index=True) if parts else None


def label(target: Target, column: pd.Series) -> pd.Series:
    """Return 1, 0 or missing (where `column` is null) for each row, as nullable Int8."""
    positive = column > target.greater_than if target.greater_than is not None else column == target.equals
    return positive.astype("Int8").mask(column.isna())


def _make(
    project: Project,
    inputs: PartitionInputs,
    store: ObjectStore,
    recipe: Recipe,
    day: date,
    fingerprint: str,
    good_days: GoodDays,
) -> Manifest:
    earlier_days = lookback_of(project, day)
    good_days.forget_before(min((*earlier_days, day)))
    raw = good_days.frame(day)
    history = history_of(project, day, {earlier: good_days.frame(earlier) for earlier in earlier_days})
    features = build(project, day, raw, history)
    table = _rows(project, raw, features)
    unlabelled = int(table[project.target.name].isna().sum())
    missing = [name for name in project.features.names if features[name].isna().all()]
    if missing:
        logger.warning("%s %s: no row has a value of %s", project.name, day, ", ".join(missing))
    data = to_parquet(table, f"{project.name}/{day}: features")
    # the content is in the name too: a forced run never overwrites bytes that a manifest still names
    name = fingerprint[:8] + hashlib.sha256(data).hexdigest()[:8]
    return Manifest(
        kind="features",
        project=project.name,
        day=day,
        fingerprint=fingerprint,
        files={ROWS: put_file(store, keys.features_rows(project.name, day, name), data, rows=len(table))},
        origin=inputs.origin,
        made_at=clock.now(),
        details={
            **vars(recipe),
            "raw": {each.isoformat(): snapshot_id(good_days.snapshot(each)) for each in (*earlier_days, day)},
            "validation": good_days.validation(day).fingerprint,
            "rows": len(table) - unlabelled,
            "unlabelled": unlabelled,
            "without_values": missing,
        },
    )


def _rows(project: Project, raw: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Return keys, target, features and protected columns of all rows; the target is missing where no label is known.

    A key or protected column that is also a feature is there once, as the feature.
    """
    beside = [name for name in (*project.keys, *project.protected) if name not in features.columns]
    columns: dict[str, pd.Series] = {name: raw[name] for name in beside if name in project.keys}
    columns[project.target.name] = label(project.target, raw[project.target.column])
    columns.update({name: features[name] for name in features.columns})
    columns.update({name: raw[name] for name in beside})
    return pd.DataFrame(columns).reset_index(drop=True)
