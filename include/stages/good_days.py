"""Give the good rows of days: those of the snapshot in force that validation did not set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from include.config.errors import PartitionChangedError, PartitionRejectedError
from include.config.project import Project
from include.io import keys
from include.io.column_types import without_gaps
from include.io.manifests import Manifest, read_manifest
from include.io.object_store import ObjectStore
from include.io.tables import get_frame
from include.stages.assembling import assemble
from include.stages.columns import ROW_COLUMN, ROWS
from include.stages.fingerprints import Recipe
from include.stages.snapshots import load_tables, snapshot_id


@dataclass
class GoodDays:
    """Give the good rows of days, reading and joining each only once while neighbours need it."""

    project: Project
    store: ObjectStore
    recipe: Recipe
    _snapshots: dict[date, Manifest] = field(default_factory=dict)
    _validations: dict[date, Manifest] = field(default_factory=dict)
    _frames: dict[date, pd.DataFrame] = field(default_factory=dict)

    def snapshot(self, day: date) -> Manifest:
        """Return the raw manifest of a day that passed validation.

        Raises:
            PartitionRejectedError: This snapshot was not validated as the project is now, or was rejected.
            PartitionChangedError: Another run has read the day again, and not validated it yet.
        """
        if day not in self._snapshots:
            validation = read_manifest(self.store, keys.validation_manifest(self.project.name, day))
            snapshot = read_manifest(self.store, keys.raw_manifest(self.project.name, day))
            if snapshot is None or validation is None:
                raise self._unusable(day, "was never validated", "nothing")
            if snapshot_id(validation) != snapshot_id(snapshot):
                raise PartitionChangedError(
                    self._where(day),
                    "the day has another raw snapshot than the one that was validated",
                    got=f"snapshot {snapshot_id(snapshot)}, validated was {snapshot_id(validation)}",
                    hint="another run is preparing the day; run validate for it if none is",
                )
            if validation.fingerprint != self.recipe.of_validation(snapshot_id(snapshot)):
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
            frame = assemble(self.project, day, load_tables(self.store, self.snapshot(day)))
            set_aside = self.validation(day).files.get(ROWS)
            if set_aside is not None:
                rows = get_frame(self.store, set_aside)[ROW_COLUMN].tolist()
                frame = frame.drop(index=rows).reset_index(drop=True)
                frame = frame.assign(**{str(name): without_gaps(column) for name, column in frame.items()})
            self._frames[day] = frame
        return self._frames[day]

    def forget_before(self, day: date) -> None:
        """Drop the frames of days before `day`, so that a long batch needs little memory."""
        for earlier in [known for known in self._frames if known < day]:
            del self._frames[earlier]

    def _unusable(self, day: date, what: str, got: str) -> PartitionRejectedError:
        return PartitionRejectedError(
            self._where(day),
            f"the day {what}",
            got=got,
            allowed=("complete",),
            hint="run validate for the day first",
        )

    def _where(self, day: date) -> str:
        return f"{self.project.name}/build_features on {day}"
