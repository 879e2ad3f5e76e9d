"""Find out what a project's store holds too much of, and remove it so that a kill leaves no half artifact."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property

from include.config.project import Project
from include.domain import clock
from include.domain.errors import ObjectMissingError, PreconditionFailedError
from include.io import keys
from include.io.object_store import Listed, ObjectStore
from include.io.stores import open_store
from include.io.tracking_database import artifact_location
from include.io.tracking_removal import KnownVersion, TrackingRemoval
from include.operations.retention.inventory import Guard, Inventory, take_inventory
from include.operations.retention.plan import (
    TrackedHere,
    plan_features,
    plan_raw,
    plan_requests,
    plan_versions,
    tracked_here,
    undated_in_use,
)
from include.operations.retention.records import (
    FRESH,
    Plan,
    Removal,
    Removed,
    RetentionInputs,
    RetentionResult,
    describe,
    is_fresh,
)

CHANGED = "changed since it was planned"
_log = logging.getLogger(__name__)


class Remover:
    """Carry out removals one by one."""

    def __init__(self, store: ObjectStore, tracking: TrackingRemoval, guard: Guard, now: datetime) -> None:
        self._store = store
        self._tracking = tracking
        self._guard = guard
        self._now = now

    def remove(self, removal: Removal) -> str:
        """Delete what the removal names, and return why it was left after all; empty when everything went.

        It is left when it is protected by now, or was written anew since it was planned.

        Raises:
            StoreError, TrackingError: The store or MLflow does not answer; the next run continues.
        """
        left = self._needed(removal) or self._changed(removal, removal.objects)
        if left:
            return left
        try:
            kept_back = [(mark, self._store.get(mark.key)) for mark in removal.marks]
        except ObjectMissingError:
            return CHANGED
        self._delete(removal.marks)
        changed = self._changed(removal, (*removal.files, *removal.artifacts))
        needed = self._needed(removal)
        if needed and not changed:
            self._put_back(kept_back)
        if needed or changed:
            return needed or changed
        self._delete(removal.files)
        for version in removal.versions:
            self._tracking.delete_version(version)
        for run_id in removal.runs:
            self._tracking.delete_run(run_id)
        self._delete(removal.artifacts)
        return ""

    def _needed(self, removal: Removal) -> str:
        """Return why the ledger as it is now forbids the removal; empty when it does not."""
        protection = self._guard.protection()
        if removal.candidate_id in protection.candidates or protection.versions & {*removal.releases}:
            return "the ledger needs it by now"
        day = removal.rows_of
        if day is not None and any(protection.why_rows(day, one.key) for one in removal.files):
            return "a version that the ledger needs by now was made from it"
        if removal.undated and self._undated_in_use & {one.key for one in removal.files}:
            return "a day that stays shares it"
        return ""

    @cached_property
    def _undated_in_use(self) -> frozenset[str]:
        """Keys of raw tables that days share, once the days that go are gone; a table used since was written since."""
        return undated_in_use(self._store, take_inventory(self._store, self._guard.project))

    def _changed(self, removal: Removal, expected: Iterable[Listed]) -> str:
        """Return how the files differ from those that were planned; empty when they do not."""
        folders = {one.key.rpartition("/")[0] + "/" for one in removal.objects}
        found = {one.key: one for folder in sorted(folders) for one in self._store.list(folder)}
        if is_fresh(found.values(), self._now):
            return FRESH
        # what another run of retention has deleted meanwhile would be counted twice
        return CHANGED if any(found.get(one.key) != one for one in expected) else ""

    def _delete(self, files: Iterable[Listed]) -> None:
        for one in files:
            self._store.delete(one.key)

    def _put_back(self, marks: Iterable[tuple[Listed, bytes]]) -> None:
        for mark, data in reversed(list(marks)):
            try:
                self._store.put(mark.key, data, if_absent=True)
            except PreconditionFailedError:
                _log.info("%s was written anew meanwhile", mark.key)


def run(
    project: Project, inputs: RetentionInputs, progress: Callable[[int, int], None] | None = None
) -> RetentionResult:
    """Return what goes and what stays by `project.keep`, and remove it unless `dry_run`.

    Everything is reckoned anew from store, ledger and MLflow, so a run that was killed is completed by the next. A
    store with nothing of the project in it costs one listing.

    Args:
        project: Declares `keep`.
        inputs: Store and MLflow; `dry_run` removes nothing.
        progress: Told how many things are done, and of how many.

    Raises:
        ObjectMissingError, ArtifactDamagedError, ChecksumMismatchError: A manifest, decision or training record cannot
            be read, so that nobody knows what belongs to it; nothing was removed.
        StoreError, TrackingError: The store or MLflow does not answer; the next run continues.
    """
    store = open_store(inputs.store_url)
    found = take_inventory(store, project.name)
    if not found.count:
        return RetentionResult(project=project.name, dry_run=inputs.dry_run)
    root = store.uri(keys.tracking_artifacts(project.name))
    tracking = TrackingRemoval(inputs.tracking_url, project.name, root)
    guard = Guard(store, project.name, project.keep)
    versions = tracking.versions()
    # an experiment made before a server kept the files still has the store's own address
    served = artifact_location(inputs.tracking_url, project.name, root)
    tracked = tracked_here(tracking.runs(), versions, root, served)
    plan = make_plan(project, store, found, guard, tracked)
    if inputs.dry_run:
        removed = [describe(removal) for removal in plan.removals]
    else:
        removed = _remove(plan, Remover(store, tracking, guard, clock.now()), progress)
    result = RetentionResult(
        project=project.name,
        dry_run=inputs.dry_run,
        removed=tuple(removed),
        kept=tuple(plan.kept),
        unknown=tuple(_unknown(store, found, tracked, versions)),
    )
    _log.info(
        "retention of %s: %d objects, %d bytes %s",
        project.name, result.files, result.size, "would go" if inputs.dry_run else "removed",
    )  # fmt: skip
    return result


def make_plan(project: Project, store: ObjectStore, found: Inventory, guard: Guard, tracked: TrackedHere) -> Plan:
    """Return what goes and what stays, from what was found, the ledger and MLflow."""
    now, keep, plan = clock.now(), project.keep, Plan()
    protection = guard.protection()
    plan_raw(plan, store, project.name, found, keep.raw_days, now)
    plan_features(plan, store, project.name, found, keep.features_days, protection, now)
    plan_versions(plan, store, project.name, found, guard.entries(), tracked, protection, now)
    plan_requests(plan, found, now)
    raw = [one for files in (*(day.files() for day in found.raw.values()), *found.undated.values()) for one in files]
    plan.keep_rest("raw data", f"keep.raw_days: the newest day and {keep.raw_days} before it", raw)
    features = [one for day in found.features.values() for one in day.files()]
    plan.keep_rest("features", f"keep.features_days: the newest day and {keep.features_days} before it", features)
    plan.keep_rest("ledger, decisions, predictions, pages", "history and what is in force", found.history)
    plan.keep_rest("files of MLflow runs", "MLflow knows the run", [one for run in found.runs.values() for one in run])
    return plan


def _remove(plan: Plan, remover: Remover, progress: Callable[[int, int], None] | None) -> list[Removed]:
    removed = []
    for done, removal in enumerate(plan.removals, start=1):
        removed.append(describe(removal, left=remover.remove(removal)))
        if progress is not None:
            progress(done, len(plan.removals))
    return removed


def _unknown(store: ObjectStore, found: Inventory, tracked: TrackedHere, versions: list[KnownVersion]) -> list[str]:
    """Return what nothing here has a rule for: foreign files, and runs and versions that a person made."""
    files = [store.uri(one.key) for one in found.unknown]
    runs = [f"MLflow run {run.run_id}" for run in tracked.runs if not run.candidate_id]
    return files + runs + [f"MLflow model version {one.version}" for one in versions if not one.candidate_id]
