"""Compare everything that follows from a project's ledger with it, and repair what differs: the ledger always wins."""

from __future__ import annotations

import logging

from include.config.decision import LedgerEntry
from include.config.errors import ArtifactDamagedError, NightshiftError, TrackingError
from include.config.results import Origin, Receipt
from include.config.stages import TRAIN_TIMEOUT
from include.io import keys
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.standing import settle
from include.operations.deep_check import DeepCheck, check_deeply
from include.operations.projection import find_differences, set_right
from include.operations.release_check import find_damage, prove_release
from include.operations.release_repair import make_whole
from include.stages.projections import tracking_of
from include.stages.registration import missing, register_missing

_log = logging.getLogger(__name__)


class Reconciled(Receipt):
    """Say what differed from the ledger.

    Attributes:
        entries: How many entries the ledger has.
        champion: The entry of the champion in force.
        wrong: What differed, in words.
        left: What still differs, in words: all of `wrong` in a dry run, else what could not be repaired.
        deep: What a deep check found; None when nobody asked for one.
        closed: MLflow runs that killed trainings had left open; they are closed as failed.
    """

    entries: int
    champion: LedgerEntry | None
    wrong: tuple[str, ...]
    left: tuple[str, ...]
    closed: tuple[str, ...] = ()
    deep: DeepCheck | None = None


def reconcile(
    store: ObjectStore, tracking_url: str, project: str, origin: Origin, *, dry_run: bool = False, deep: bool = False
) -> Reconciled:
    """Check ledger, champion's release, release pointer and MLflow's versions and alias, and repair what follows.

    What is repaired follows from the ledger: a release is made whole, what MLflow has lost is registered again, pointer
    and alias name the champion, by its candidate.

    Args:
        store: Holds them.
        tracking_url: MLflow.
        project: The project's name.
        origin: Who repairs.
        dry_run: Only say what differs.
        deep: Also check every entry, decision, release, candidate and day of raw data by sha256; nothing is repaired.

    Raises:
        ArtifactDamagedError: The ledger itself is damaged: it has a gap, an entry that cannot be read, or one that
            does not follow from those before it. Nothing is repaired from such a ledger.
        LedgerConflictError: The champion changed every time.
    """
    unchecked = Ledger(store, project, chained=False)
    check_ledger(store, project, unchecked.entries())
    unchecked.check_chain()
    ledger = Ledger(store, project)
    if deep:
        checked = reconcile(store, tracking_url, project, origin, dry_run=True)
        found = check_deeply(store, project, ledger)
        wrong = tuple(dict.fromkeys((*checked.wrong, *found.wrong)))
        return checked.model_copy(update={"wrong": wrong, "left": wrong, "deep": found})
    entries, champion = len(ledger.entries()), ledger.champion()
    wrong = (*_differences(store, tracking_url, project, champion), *_unregistered(store, tracking_url, ledger))
    if dry_run:
        return Reconciled(entries=entries, champion=champion, wrong=wrong, left=wrong)
    closed = _close_abandoned(store, tracking_url, project, origin)
    if champion is None or not wrong:
        return Reconciled(entries=entries, champion=champion, wrong=wrong, left=wrong, closed=closed)
    lost = _repair_release(store, champion)
    _register_missing(store, tracking_url, ledger)
    set_right(store, project, tracking_url)
    # read back, by the champion of now: a night may have promoted meanwhile
    champion = ledger.champion()
    differ = _differences(store, tracking_url, project, champion)
    left = (*lost, *differ, *_unregistered(store, tracking_url, ledger))
    return Reconciled(entries=entries, champion=champion, wrong=wrong, left=tuple(dict.fromkeys(left)), closed=closed)


def check_ledger(store: ObjectStore, project: str, entries: list[LedgerEntry]) -> None:
    """Compare what each entry says is in force with what all entries before it give.

    Raises:
        ArtifactDamagedError: With the first entry that differs.
    """
    history: list[LedgerEntry] = []
    for number, entry in enumerate(entries, start=1):
        where = store.uri(keys.ledger_entry(project, number))
        try:
            expected = settle(entry, history)
        except ValueError as error:
            raise ArtifactDamagedError(where, str(error), hint="it was changed by hand; restore it") from error
        if entry.highest_version is None:
            expected = expected.model_copy(update={"highest_version": None})
        found = (entry.number, entry.project, entry.previous, entry.standing, entry.highest_version)
        if found != (number, project, expected.previous, expected.standing, expected.highest_version):
            raise ArtifactDamagedError(
                where,
                "the entry does not follow from those before it",
                got=_summary(entry),
                allowed=(_summary(expected.model_copy(update={"number": number, "project": project})),),
                hint="it was changed by hand, or an entry before it was; restore the ledger from a backup",
            )
        history.append(entry)


def _differences(store: ObjectStore, tracking_url: str, project: str, champion: LedgerEntry | None) -> tuple[str, ...]:
    """Return in words what does not follow the ledger."""
    strays = [f"{store.uri(key)} is no ledger entry: move it away" for key in Ledger(store, project).strays()]
    release = [*strays, *(_release_differences(store, champion) if champion else [])]
    followed = find_differences(store, project, tracking_url, champion)
    if champion is None and followed:
        # taking the model away from serving is not for a repair to decide
        return (*strays, "the ledger has no champion; restore the ledger, or remove what names one", *followed)
    return (*release, *followed)


def _unregistered(store: ObjectStore, tracking_url: str, ledger: Ledger) -> tuple[str, ...]:
    """Return in words which versions MLflow has lost; when it does not answer, the alias says so already."""
    try:
        lost = missing(store, tracking_of(store, ledger.project, tracking_url), ledger)
    except TrackingError:
        return ()
    return tuple(f"MLflow: version {entry.version} ({entry.candidate_id}) is not registered" for entry in lost)


def _register_missing(store: ObjectStore, tracking_url: str, ledger: Ledger) -> None:
    try:
        register_missing(store, tracking_of(store, ledger.project, tracking_url), ledger)
    except TrackingError as error:
        _log.warning("what MLflow has lost was not registered again: %s", error)


def _release_differences(store: ObjectStore, champion: LedgerEntry) -> list[str]:
    name = f"release of version {champion.version}"
    damage = find_damage(store, champion)
    if damage:
        return [f"{name}: {words}" for words in damage]
    try:
        prove_release(store, champion)
    except NightshiftError as error:
        return [f"{name}: {error}"]
    return []


def _repair_release(store: ObjectStore, champion: LedgerEntry) -> tuple[str, ...]:
    """Make the champion's release whole; return why that was not possible, empty when it was."""
    try:
        make_whole(store, champion)
    except NightshiftError as error:
        if error.retryable:
            raise
        return (f"release of version {champion.version}: {error}",)
    return ()


def _close_abandoned(store: ObjectStore, tracking_url: str, project: str, origin: Origin) -> tuple[str, ...]:
    """Close the runs of killed trainings; when MLflow does not answer, the alias says so already."""
    try:
        tracking = tracking_of(store, project, tracking_url)
        return tuple(tracking.close_abandoned(f"reconcile by {origin.triggered_by or 'somebody'}", TRAIN_TIMEOUT))
    except TrackingError as error:
        _log.warning("MLflow was not looked through for open runs: %s", error)
        return ()


def _summary(entry: LedgerEntry) -> str:
    standing = entry.standing
    return (
        f"entry {entry.number} of {entry.project}: previous {entry.previous}, champion {standing.champion}, "
        f"pin {standing.pin}, barred {', '.join(standing.barred) or 'none'}"
    )
