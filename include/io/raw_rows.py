"""Read a day's raw snapshot, join its tables to one row per example, and give the rows that validation let pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from include.config.day_fingerprints import Recipe
from include.config.project import Project
from include.config.project_code import CODE_FAILURES, code_failure, line_of, load_module
from include.config.window import mature_on
from include.domain.errors import (
    PartitionChangedError,
    PartitionRejectedError,
    ProjectCodeError,
    RawHistoryError,
    did_you_mean,
)
from include.io import keys
from include.io.keys import ROW_COLUMN, ROWS
from include.io.manifests import FileRef, Manifest, get_file, read_manifest
from include.io.object_store import ObjectStore
from include.io.tables import SharedTables, get_frame, raw_from_parquet, whole_numbers, without_gaps

# requests in flight: an S3 server answers in milliseconds, so a window's manifests take a fraction of a second
STORE_THREADS = 8


_STORED = SharedTables()


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
    return {name: _table(store, ref) for name, ref in manifest.files.items()}


def _table(store: ObjectStore, ref: FileRef) -> pd.DataFrame:
    data = get_file(store, ref)
    if keys.is_undated_table(ref.key):
        return _STORED.made(ref.sha256, lambda: raw_from_parquet(data, store.uri(ref.key)))
    return raw_from_parquet(data, store.uri(ref.key))


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


# what data that is not as it should be raises in code that is as it should be
_DATA_CAN_CAUSE = (KeyError, TypeError, ValueError)


def assemble(project: Project, day: date, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the day's assembled frame, with the index 0, 1, 2, ...: the same tables give the same order of rows.

    A join or a gap makes pandas write whole numbers as floats: in columns of codes they are whole numbers again.

    Args:
        project: Its `features.py` may define `assemble(tables)`; without it the only table is taken.
        day: The partition, for errors.
        tables: The raw tables by name; they are not changed.

    Raises:
        PartitionRejectedError: The tables lack something: assembling fails as missing columns and wrong types make it
            fail, or the frame lacks a declared column.
        ProjectCodeError: The code fails in a way that data cannot cause, or does not return a frame.
    """
    where = f"{project.name}/{day}"
    function = getattr(load_module(project, "features"), "assemble", None)
    frame: Any
    if function is None:
        if len(tables) != 1:
            raise ProjectCodeError(
                f"{project.name}/features.py",
                "there are several tables and no assemble(tables) to join them",
                got=", ".join(sorted(tables)),
            )
        (frame,) = tables.values()
    else:
        frame = _call(project, function, where, tables)
    if not isinstance(frame, pd.DataFrame):
        raise ProjectCodeError(
            f"{project.name}/features.py", "assemble(tables) must return a DataFrame", got=type(frame).__name__
        )
    _require_columns(project, where, frame, tables)
    codes = [name for name in code_columns(project) if name in frame.columns]
    whole = {name: whole_numbers(frame[name]) for name in codes}
    return frame.assign(**whole).reset_index(drop=True)


def code_columns(project: Project) -> tuple[str, ...]:
    """Return the columns whose values are names and no amounts, so that 1 and 1.0 are one of them and written alike."""
    target = (project.target.column,) if project.target.equals is not None else ()
    return tuple(dict.fromkeys((*project.keys, *target, *project.protected, *project.features.categorical)))


def _call(project: Project, function: Callable[..., Any], where: str, tables: Mapping[str, pd.DataFrame]) -> Any:
    # shallow copies: pandas copies on write, so the project can't change what others read
    copies = {name: table.copy(deep=False) for name, table in tables.items()}
    try:
        return function(copies)
    except _DATA_CAN_CAUSE as error:
        raise PartitionRejectedError(
            where,
            f"assemble(tables) fails on this day's tables with {type(error).__name__}",
            got=f"{' '.join(str(error).split())[:300]} in {line_of(project, 'features', error)}",
            allowed=columns_of(tables),
            hint="a table lacks a column or has a wrong type; if the tables are right, repair features.py",
        ) from error
    except CODE_FAILURES as error:
        what = "assemble(tables) in features.py fails"
        raise code_failure(project, "features", what, error, about=f" on {where.partition('/')[2]}") from error


def _require_columns(project: Project, where: str, frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> None:
    twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise ProjectCodeError(f"{project.name}/features.py", "assemble(tables) returns columns twice", got=twice)
    dated = (project.source.date_column,) if project.source.date_column is not None else ()
    needed = (*project.keys, project.target.column, *project.protected, *dated)
    missing = sorted(set(needed) - set(frame.columns))
    if missing:
        meant = did_you_mean(missing[0], [str(name) for name in frame.columns])
        raise PartitionRejectedError(
            where,
            "declared columns are missing",
            got=", ".join(missing),
            allowed=columns_of(tables),
            hint=f"{meant} Correct project.yaml, where that is the column's name"
            if meant
            else "the source no longer delivers them, features.py drops them, or project.yaml names them wrongly",
        )


def columns_of(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the columns of the tables as "table.column"."""
    return [f"{name}.{column}" for name, table in tables.items() for column in table.columns]


@dataclass
class ValidRows:
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
