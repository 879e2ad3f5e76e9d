"""Plan for days: raw data with its checks, and features, that are older than declared; files without a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from include.io import keys
from include.io.manifests import Manifest
from include.io.object_store import Listed, ObjectStore
from include.operations.retention.inventory import FeatureDay, Inventory, RawDay
from include.operations.retention.protection import Protection
from include.operations.retention.removal import FRESH, Kind, Plan, Removal, by_manifest_first, is_fresh
from include.stages.snapshots import read_manifests, snapshot_id

UNNAMED = "no manifest names them: left by a writer that was killed"
OLDER_CHECK = "an older check of a snapshot that was checked again since"
OLDER_ROWS = "prepared again since, and no version that stays was made from them"


def plan_raw(plan: Plan, store: ObjectStore, project: str, found: Inventory, raw_days: int, now: datetime) -> None:
    """Add days of raw data older than `raw_days` before the newest, whole with their checks, and unnamed files."""
    newest = max((day for day, raw in found.raw.items() if raw.manifest), default=None)
    cutoff = date.min if newest is None else newest - timedelta(days=raw_days)
    manifests = _raw_manifests(store, found)
    for day, raw in sorted(found.raw.items()):
        files = raw.files()
        fresh = is_fresh(files, now)
        if day < cutoff:
            if fresh:
                plan.keep("raw data", FRESH, files, day)
                continue
            why = f"older than keep.raw_days: {raw_days} before the newest, {newest}"
            marks, others = by_manifest_first(files)
            plan.removals.append(Removal("raw", day.isoformat(), why, _in_order(raw, marks), others))
        elif not fresh:
            _plan_unnamed(plan, project, day, raw, manifests)


def plan_features(
    plan: Plan,
    store: ObjectStore,
    project: str,
    found: Inventory,
    features_days: int,
    protection: Protection,
    now: datetime,
) -> None:
    """Add features older than `features_days` before the newest, and rows that no manifest names any more.

    Rows that a version which stays was trained or judged on stay, whatever their age.
    """
    newest = max((day for day, features in found.features.items() if features.manifest), default=None)
    cutoff = date.min if newest is None else newest - timedelta(days=features_days)
    manifests = _manifests(
        store, {day: keys.features_manifest(project, day) for day, one in found.features.items() if one.manifest}
    )
    for day, features in sorted(found.features.items()):
        files = features.files()
        named = {ref.key for ref in manifests[day].files.values()} if day in manifests else set()
        if day < cutoff:
            if is_fresh(files, now):
                plan.keep("features", FRESH, files, day)
                continue
            why = f"older than keep.features_days: {features_days} before the newest, {newest}"
            _plan_old_features(plan, day, features, named, protection, why)
        elif not is_fresh(files, now):
            unnamed = [one for one in features.rows if one.key not in named and not protection.why_rows(day, one.key)]
            if unnamed:
                kind: Kind = "superseded" if features.manifest else "orphans"
                why = OLDER_ROWS if features.manifest else UNNAMED
                plan.removals.append(Removal(kind, day.isoformat(), why, files=tuple(unnamed), rows_of=day))


def _plan_old_features(
    plan: Plan, day: date, features: FeatureDay, named: set[str], protection: Protection, why: str
) -> None:
    """Add one old day: all of it, or what is beside the rows that a version needs."""
    reasons = {one.key: protection.why_rows(day, one.key) for one in features.rows}
    needed = {key: reason for key, reason in reasons.items() if reason}
    # the manifest stays with the rows it names, so that the day stays whole
    whole = named if named & needed.keys() else set()
    stays = [one for one in features.rows if one.key in needed or one.key in whole]
    if whole and features.manifest:
        stays.append(features.manifest)
    if stays:
        plan.keep("features", next(iter(needed.values())), stays, day)
    goes = [one for one in features.files() if one not in stays]
    if goes:
        marks, rows = by_manifest_first(goes)
        plan.removals.append(Removal("features", day.isoformat(), why, marks, rows, rows_of=day))


def _raw_manifests(store: ObjectStore, found: Inventory) -> Mapping[str, Manifest | None]:
    wanted = [mark.key for raw in found.raw.values() for mark in (raw.manifest, raw.validation) if mark is not None]
    return read_manifests(store, wanted)


def _manifests(store: ObjectStore, wanted: Mapping[date, str]) -> dict[date, Manifest]:
    read = read_manifests(store, list(wanted.values()))
    found = {day: read[key] for day, key in wanted.items()}
    return {day: manifest for day, manifest in found.items() if manifest is not None}


def _in_order(raw: RawDay, marks: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """Return the manifests in the order they go: the validation first, for it names files of the checks alone."""
    order = [mark for mark in (raw.validation, raw.manifest) if mark is not None]
    return (*order, *(mark for mark in marks if mark not in order))


def _plan_unnamed(plan: Plan, project: str, day: date, raw: RawDay, manifests: Mapping[str, Manifest | None]) -> None:
    """Add files of a day that no manifest explains: tables of an unfinished snapshot, files of an older check."""
    in_force = manifests.get(keys.raw_manifest(project, day))
    checked = manifests.get(keys.validation_manifest(project, day))
    whole = {name for name, files in raw.snapshots.items() if by_manifest_first(files)[0]}
    if in_force is not None:
        whole.add(snapshot_id(in_force))
    orphans = [one for name, files in raw.snapshots.items() if name not in whole for one in files]
    older: list[Listed] = []
    for name, files in raw.checks.items():
        if name not in whole or checked is None:
            orphans += files
        elif name == snapshot_id(checked):
            named = {ref.key for ref in checked.files.values()}
            older += [one for one in files if one.key not in named and not one.key.endswith(".html")]
    if orphans:
        plan.removals.append(Removal("orphans", day.isoformat(), UNNAMED, files=tuple(orphans)))
    if older:
        plan.removals.append(Removal("superseded", day.isoformat(), OLDER_CHECK, files=tuple(older)))
