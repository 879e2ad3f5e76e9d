"""Make release pointer and MLflow's alias follow the ledger, whatever state they are in, and say what stays behind."""

from __future__ import annotations

from include.config.decision import LedgerEntry
from include.config.errors import (
    ArtifactDamagedError,
    LedgerConflictError,
    ObjectMissingError,
    PreconditionFailedError,
    TrackingError,
)
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import to_json
from include.io.object_store import ObjectStore
from include.io.releases import MAX_ATTEMPTS, read_pointer
from include.stages.projections import differences, follow_ledger, pointer_to, tracking_of


def set_right(store: ObjectStore, project: str, tracking_url: str) -> tuple[str, ...]:
    """Make pointer and alias follow the champion in force, and read them back.

    The champion is in force by the ledger alone, so a failing MLflow is no failure here: it is told.

    Returns:
        What still differs, in words; empty when both follow.

    Raises:
        LedgerConflictError: The champion changed every time.
    """
    replace_pointer(store, project)
    follow_ledger(store, project, tracking_url, must=False)
    return find_differences(store, project, tracking_url, Ledger(store, project).champion())


def replace_pointer(store: ObjectStore, project: str) -> None:
    """Make the pointer name the champion in force by compare-and-set, though it is damaged or ahead of the ledger.

    A night only moves the pointer forward. A store that was restored from a backup may hold a pointer that is newer
    than the ledger; the ledger wins. The pointer is read before the ledger: whoever moves it after that makes the
    write fail, and what is written is never older than what stood there.

    Raises:
        LedgerConflictError: Other writers were faster every time.
    """
    key = keys.release_pointer(project)
    ledger = Ledger(store, project)
    for _ in range(MAX_ATTEMPTS):
        data, etag = _read(store, key)
        champion = ledger.champion()
        if champion is None or data == to_json(pointer_to(champion)):
            return
        try:
            store.put(key, to_json(pointer_to(champion)), if_absent=etag is None, if_match=etag)
        except PreconditionFailedError:
            continue
        return
    raise LedgerConflictError(
        store.uri(key), "other writers moved the pointer every time", got=f"{MAX_ATTEMPTS} attempts", hint="retry"
    )


def find_differences(
    store: ObjectStore, project: str, tracking_url: str, champion: LedgerEntry | None
) -> tuple[str, ...]:
    """Return in words how pointer and alias differ from the champion in force; what cannot be read differs."""
    found = []
    try:
        pointer = read_pointer(store, project)
    except ArtifactDamagedError:
        return ("release pointer: it is damaged",)
    if pointer is not None and champion is not None and pointer.ledger_number > champion.number:
        found.append(f"release pointer: it is ahead of the ledger, at entry {pointer.ledger_number}")
    try:
        told = differences(store, tracking_of(store, project, tracking_url), champion, project)
    except TrackingError as error:
        return (*found, f"MLflow alias champion: unknown, {error}")
    return (*found, *told)


def _read(store: ObjectStore, key: str) -> tuple[bytes | None, str | None]:
    try:
        found = store.read(key)
    except ObjectMissingError:
        return None, None
    return found.data, found.etag
