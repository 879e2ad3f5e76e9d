"""Make the release pointer and MLflow's alias follow the ledger: views of it, read back after each change."""

from __future__ import annotations

import logging

from include.config.decision import LedgerEntry
from include.config.errors import LedgerConflictError, TrackingError
from include.io import keys
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.releases import ReleasePointer, point_at, read_pointer
from include.io.tracking import Tracking

ALIAS_ATTEMPTS = 5

_log = logging.getLogger(__name__)


def follow_ledger(
    store: ObjectStore, project: str, tracking_url: str, *, must: bool, ledger: Ledger | None = None
) -> LedgerEntry | None:
    """Make pointer and alias follow the champion in force, and return its entry; None before the first.

    Args:
        store: Holds the ledger and the pointer.
        project: The project's name.
        tracking_url: MLflow.
        must: Whether a failing MLflow is an error; when nothing was promoted it is only logged, because the alias is
            a view and the next run sets it right.

    Raises:
        LedgerConflictError: The champion changed every time the alias was set.
        TrackingError: MLflow does not answer, and `must`.
    """
    ledger = ledger or Ledger(store, project)
    for _ in range(ALIAS_ATTEMPTS):
        champion = ledger.champion()
        if champion is None:
            return None
        point_at(store, project, pointer_to(champion))
        try:
            _point_alias(tracking_of(store, project, tracking_url), champion.version)
        except TrackingError as error:
            if must:
                raise
            _log.warning("the alias of champion %s could not be set: %s", champion.version, error)
        if ledger.champion() == champion:
            return champion
    raise LedgerConflictError(
        store.uri(keys.ledger_prefix(project)),
        "the champion changed every time the alias was set",
        got=f"{ALIAS_ATTEMPTS} attempts",
        hint="retry when fewer runs of this project are promoting",
    )


def differences(store: ObjectStore, tracking: Tracking, champion: LedgerEntry | None, project: str) -> list[str]:
    """Return in words how pointer and alias differ from the champion in force; empty when they agree.

    Raises:
        TrackingError: MLflow does not answer.
        ArtifactDamagedError: The object in place is not a pointer.
    """
    wanted = pointer_to(champion) if champion else None
    pointer, alias = read_pointer(store, project), tracking.version_of_alias("champion")
    version = champion.version if champion else None
    found = []
    if pointer != wanted:
        found.append(f"release pointer: {_named(pointer.version if pointer else None)} instead of {_named(version)}")
    if alias != version:
        found.append(f"MLflow alias champion: {_named(alias)} instead of {_named(version)}")
    return found


def tracking_of(store: ObjectStore, project: str, tracking_url: str) -> Tracking:
    """Return a project's experiment and models in MLflow."""
    return Tracking(tracking_url, project, store.uri(keys.tracking_artifacts(project)))


def pointer_to(champion: LedgerEntry) -> ReleasePointer:
    """Return the pointer that a champion's entry demands."""
    return ReleasePointer(
        project=champion.project,
        version=champion.version,
        ledger_number=champion.number,
        candidate_id=champion.candidate_id,
        as_of=champion.as_of,
        release_uri=champion.release_uri,
    )


def _point_alias(tracking: Tracking, version: str) -> None:
    if tracking.version_of_alias("champion") != version:
        tracking.set_alias("champion", version)


def _named(version: str | None) -> str:
    return f"version {version}" if version else "nothing"
