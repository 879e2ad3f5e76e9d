"""Build features: turn good raw rows into feature rows with their labels, from what was known before and no more."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pandas as pd

from include.config import clock
from include.config.errors import PartitionRejectedError
from include.config.project import Project, Target
from include.config.results import FeaturesResult, PartitionInputs
from include.io import keys
from include.io.manifests import Manifest, put_file, read_manifest, write_manifest
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tables import get_frame, to_parquet
from include.stages.assembling import assemble
from include.stages.columns import ROW_COLUMN, ROWS
from include.stages.feature_contract import build, unknown_columns
from include.stages.fingerprints import Recipe, recipe_of
from include.stages.partitions import lookback_of
from include.stages.snapshots import Snapshot, load_tables, read_snapshot

logger = logging.getLogger(__name__)


def run(project: Project, inputs: PartitionInputs) -> FeaturesResult:
    """Write the feature rows of the days of a batch; days that are there already, from the same, are left alone.

    Returns:
        Labelled `rows` and rows `unlabelled` (kept beside them) of all days, and how many days were `written` now.

    Raises:
        PartitionRejectedError: A day is not validated, or was rejected.
        ProjectCodeError: `features.py` fails or breaks its contract.
    """
    store = open_store(inputs.store_url)
    recipe = recipe_of(project)
    good_days = _GoodDays(project, store, recipe)
    rows = unlabelled = written = 0
    for day in sorted(inputs.days):
        needed = (*lookback_of(project, day), day)
        fingerprint = recipe.of_features({earlier: good_days.snapshot(earlier).id for earlier in needed})
        manifest = read_manifest(store, keys.features_manifest(project.name, day))
        if manifest is None or manifest.fingerprint != fingerprint or inputs.force:
            manifest = _write_day(project, inputs, store, recipe, day, fingerprint, good_days)
            written += 1
        rows += manifest.details["rows"]
        unlabelled += manifest.details["unlabelled"]
    logger.info("%s: features of %d days written, %d rows, %d unlabelled", project.name, written, rows, unlabelled)
    return FeaturesResult(days=inputs.days, rows=rows, unlabelled=unlabelled, written=written)


@dataclass
class _GoodDays:
    """Give the good rows of days, reading and joining each only once while neighbours need it."""

    project: Project
    store: ObjectStore
    recipe: Recipe
    _snapshots: dict[date, Snapshot] = field(default_factory=dict)
    _validations: dict[date, Manifest] = field(default_factory=dict)
    _frames: dict[date, pd.DataFrame] = field(default_factory=dict)

    def snapshot(self, day: date) -> Snapshot:
        """Return the snapshot of a day that passed validation.

        Raises:
            PartitionRejectedError: This snapshot was not validated as the project is now, or was rejected.
        """
        if day not in self._snapshots:
            snapshot = read_snapshot(self.store, self.project, day)
            validation = read_manifest(self.store, keys.validation_manifest(self.project.name, day))
            if snapshot is None or validation is None:
                raise self._unusable(day, "was never validated", "nothing")
            if validation.fingerprint != self.recipe.of_validation(snapshot.id):
                raise self._unusable(day, "is not validated as data and code are now", "an older validation")
            if validation.status != "complete":
                raise self._unusable(day, "was rejected by validation", validation.status)
            self._snapshots[day], self._validations[day] = snapshot, validation
        return self._snapshots[day]

    def validation(self, day: date) -> Manifest:
        """Return the validation manifest of a day that passed."""
        self.snapshot(day)
        return self._validations[day]

    def frame(self, day: date) -> pd.DataFrame:
        """Return a day's good rows, all columns, with the index 0, 1, 2, ..."""
        if day not in self._frames:
            frame = assemble(self.project, day, load_tables(self.store, self.snapshot(day).manifest))
            set_aside = self.validation(day).files.get(ROWS)
            if set_aside is not None:
                rows = get_frame(self.store, set_aside)[ROW_COLUMN].tolist()
                frame = frame.drop(index=rows).reset_index(drop=True)
            self._frames[day] = frame
        return self._frames[day]

    def forget_before(self, day: date) -> None:
        """Drop the frames of days before `day`, so that a long batch needs little memory."""
        for earlier in [known for known in self._frames if known < day]:
            del self._frames[earlier]

    def _unusable(self, day: date, what: str, got: str) -> PartitionRejectedError:
        return PartitionRejectedError(
            f"{self.project.name}/build_features on {day}",
            f"the day {what}",
            got=got,
            allowed=("complete",),
            hint="run validate for the day first",
        )


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


def _write_day(
    project: Project,
    inputs: PartitionInputs,
    store: ObjectStore,
    recipe: Recipe,
    day: date,
    fingerprint: str,
    good_days: _GoodDays,
) -> Manifest:
    earlier_days = lookback_of(project, day)
    good_days.forget_before(min((*earlier_days, day)))
    raw = good_days.frame(day)
    history = history_of(project, day, {earlier: good_days.frame(earlier) for earlier in earlier_days})
    features = build(project, day, raw, history)
    table = _rows(project, raw, features)
    unlabelled = int(table[project.target.name].isna().sum())
    data = to_parquet(table, f"{project.name}/{day}: features")
    # the content is in the name too: a forced run never overwrites bytes that a manifest still names
    name = fingerprint[:8] + hashlib.sha256(data).hexdigest()[:8]
    manifest = Manifest(
        kind="features",
        project=project.name,
        day=day,
        fingerprint=fingerprint,
        files={ROWS: put_file(store, keys.features_rows(project.name, day, name), data, rows=len(table))},
        origin=inputs.origin,
        made_at=clock.now(),
        details={
            **vars(recipe),
            "raw": {each.isoformat(): good_days.snapshot(each).id for each in (*earlier_days, day)},
            "validation": good_days.validation(day).fingerprint,
            "rows": len(table) - unlabelled,
            "unlabelled": unlabelled,
        },
    )
    write_manifest(store, keys.features_manifest(project.name, day), manifest)
    return manifest


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
