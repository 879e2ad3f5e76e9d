"""Make the release pointer and MLflow's alias follow the ledger: views of it, read back after each change."""

from __future__ import annotations

import logging

from include.domain.decision import LedgerEntry
from include.domain.errors import LedgerConflictError, TrackingError, UnknownChampionError
from include.io import keys
from include.io.ledger import Ledger
from include.io.model_registry import record_again, register_again, register_lost
from include.io.object_store import ObjectStore
from include.io.releases import ReleasePointer, point_at, read_pointer
from include.io.tracking import Registered, Tracking

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
            _point_alias(store, tracking_of(store, project, tracking_url), ledger, champion)
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

    What the alias names is told by its candidate: MLflow may have numbered it otherwise.

    Raises:
        TrackingError: MLflow does not answer.
        ArtifactDamagedError: The object in place is not a pointer.
    """
    wanted = pointer_to(champion) if champion else None
    pointer, alias = read_pointer(store, project), tracking.alias_target("champion")
    version = champion.version if champion else None
    found = []
    if pointer != wanted:
        found.append(f"release pointer: {_named(pointer.version if pointer else None)} instead of {_named(version)}")
    if (alias.candidate_id if alias else None) != (champion.candidate_id if champion else None):
        if alias and champion and alias.version == version:
            told = f"{alias.candidate_id or 'a model that is none of ours'} instead of {champion.candidate_id}"
            found.append(f"MLflow alias champion: {_named(version)} is there {told}")
        else:
            found.append(
                f"MLflow alias champion: {_named(alias.version if alias else None)} instead of {_named(version)}"
            )
    return found


def refuse_unknown_champion(store: ObjectStore, tracking: Tracking | None, ledger: Ledger, project: str) -> None:
    """Refuse to go on where the release pointer or MLflow's alias names a champion that the ledger does not know.

    Then the ledger is not the one they followed: the store's address is another one, or entries are lost. Whatever is
    compared with this ledger's champion is no proof. That they are behind the ledger is no reason: they follow.

    Args:
        store: Holds ledger and pointer.
        tracking: MLflow; None leaves the alias out.
        ledger: The project's.
        project: Its name.

    Raises:
        UnknownChampionError: One of them does.
        TrackingError: MLflow does not answer.
    """
    found = unknown_champion(store, tracking, ledger, project)
    if found:
        raise UnknownChampionError(
            f"the ledger of {project}: {store.uri(keys.ledger_prefix(project))}",
            "a champion is in force that this ledger does not know",
            got="; ".join(found),
            allowed=(f"a champion of its {ledger.length()} entries",),
            hint="is NIGHTSHIFT_STORE_URL (or the namespace) the right one, and the ledger whole? "
            f"./nightshift reconcile {project} --dry-run says what differs; docs/operations.md, what to do",
        )


def unknown_champion(store: ObjectStore, tracking: Tracking | None, ledger: Ledger, project: str) -> list[str]:
    """Return in words which of pointer and alias name a champion that the ledger never put in force."""
    # both are read before the ledger: what they follow was written before
    pointer = read_pointer(store, project)
    alias = tracking.alias_target("champion") if tracking else None
    found = []
    if pointer is not None:
        entry = ledger.numbered(pointer.ledger_number)
        named = f"version {pointer.version} ({pointer.candidate_id}) by ledger entry {pointer.ledger_number}"
        if entry is None:
            found.append(f"the release pointer names {named}, and the ledger ends at {ledger.length()}")
        elif entry.kind not in ("promotion", "rollback") or entry.candidate_id != pointer.candidate_id:
            found.append(f"the release pointer names {named}, which is a {entry.kind} of {entry.candidate_id}")
    champion = ledger.champion()
    if alias is None or (champion is not None and alias.candidate_id == champion.candidate_id):
        return found
    if not ledger.put_in_force(alias.candidate_id):
        found.append(
            f"MLflow's alias champion names version {alias.number} ({alias.candidate_id or 'none of ours'}), "
            "which no entry put in force"
        )
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


def _point_alias(store: ObjectStore, tracking: Tracking, ledger: Ledger, champion: LedgerEntry) -> None:
    """Point the alias at the champion's own model version, which is registered again when MLflow has lost it."""
    target = tracking.alias_target("champion")
    if target is not None and target.candidate_id == champion.candidate_id:
        return
    registered = tracking.registered(champion.candidate_id) or _champion_again(store, tracking, ledger, champion)
    tracking.set_alias("champion", registered.number)


def _champion_again(store: ObjectStore, tracking: Tracking, ledger: Ledger, champion: LedgerEntry) -> Registered:
    run_id = record_again(store, tracking, champion)
    if run_id and tracking.highest_number() < ledger.highest_version():
        # with all else that was lost, so that each gets its own number again
        register_lost(store, tracking, ledger, run_id)
    found = register_again(store, tracking, champion) if run_id else None
    if found is None:
        raise TrackingError(
            f"MLflow model {champion.project}",
            "the champion is not registered, and the store holds no whole model of it",
            got=f"version {champion.version} ({champion.candidate_id})",
            hint=f"./nightshift reconcile {champion.project} says what is missing",
        )
    return found


def _named(version: str | None) -> str:
    return f"version {version}" if version else "nothing"
