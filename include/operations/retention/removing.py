"""Remove what a plan names, so that a kill at any moment leaves no half artifact and the next run goes on from there.

In this order: the manifests, so that an artifact vanishes as a whole; what they name; model versions and runs in
MLflow; at last the runs' files. The ledger is asked, and the files are looked at again, before the manifests go and
once more before anything else does: what the ledger needs by then gets its manifests back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from include.config.errors import ObjectMissingError, PreconditionFailedError
from include.io.object_store import Listed, ObjectStore
from include.io.tracking_removal import TrackingRemoval
from include.operations.retention.protection import Guard
from include.operations.retention.removal import FRESH, Removal, is_fresh

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
        return ""

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
