"""Find out what a project's store holds too much of, and remove it when asked to."""

from __future__ import annotations

import logging
from collections.abc import Callable

from include.config import clock
from include.config.project import Project
from include.io import keys
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking_addresses import artifact_location
from include.io.tracking_removal import KnownVersion, TrackingRemoval
from include.operations.retention.days import plan_features, plan_raw
from include.operations.retention.inventory import Inventory, take_inventory
from include.operations.retention.protection import Guard
from include.operations.retention.removal import Plan
from include.operations.retention.removing import Remover
from include.operations.retention.result import Removed, RetentionInputs, RetentionResult, describe
from include.operations.retention.versions import TrackedHere, plan_requests, plan_versions, tracked_here

_log = logging.getLogger(__name__)


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
    raw = [one for day in found.raw.values() for one in day.files()]
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
