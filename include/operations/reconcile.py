"""Compare everything that follows from a project's ledger with it, deeply if asked, and repair what differs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from include.domain.champion import champions, settle
from include.domain.decision import LedgerEntry
from include.domain.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    NightshiftError,
    ObjectMissingError,
    TrackingError,
)
from include.domain.names import TRAIN_TIMEOUT
from include.domain.promotion_rules import contradiction
from include.domain.results import Origin, Receipt
from include.io import keys
from include.io.champion_alias import tracking_of
from include.io.ledger import Ledger, read_decision
from include.io.manifests import Manifest, get_file, read_manifest
from include.io.model_registry import missing, register_missing
from include.io.object_store import ObjectStore
from include.io.raw_rows import snapshot_id
from include.io.releases import MANIFEST
from include.operations.manual_action import find_differences, have_views_follow
from include.operations.release_check import find_damage, make_whole, prove_release
from include.operations.retention.inventory import Inventory, take_inventory


class DeepCheck(Receipt):
    """Say what was checked, by its kind and how many there were, and what is wrong, in words.

    Attributes:
        checked: By kind: entries, decisions, releases, candidates, days of raw data.
        removed: Releases that the ledger names and that are gone, as retention leaves it.
        wrong: What is not as it was written.
    """

    checked: dict[str, int]
    removed: int
    wrong: tuple[str, ...]


@dataclass
class _Found:
    checked: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    removed: int = 0

    def count(self, kind: str) -> None:
        self.checked[kind] = self.checked.get(kind, 0) + 1


def check_deeply(store: ObjectStore, project: str, ledger: Ledger) -> DeepCheck:
    """Compare entries, decisions, releases, candidates and raw data with what refers to them, by sha256.

    Args:
        store: Holds them.
        project: The project's name.
        ledger: Its ledger, whose own order and chain are checked already.
    """
    found = _Found()
    entries = ledger.entries()
    found.checked["ledger entries"] = len(entries)
    needed = {entry.version for entry in champions(entries)}
    _check_decisions(store, entries, found)
    _check_releases(store, entries, needed, found)
    inventory = take_inventory(store, project)
    _check_candidates(store, project, inventory, found)
    _check_raw(store, project, inventory, found)
    return DeepCheck(checked=found.checked, removed=found.removed, wrong=tuple(found.wrong))


def _check_decisions(store: ObjectStore, entries: list[LedgerEntry], found: _Found) -> None:
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        if not entry.decision_id or (entry.decision_id, entry.decision_sha256) in seen:
            continue
        seen.add((entry.decision_id, entry.decision_sha256))
        found.count("decisions")
        named = f"decision {entry.decision_id} of ledger entry {entry.number}"
        try:
            decision = read_decision(store, entry.project, entry.decision_id, entry.decision_sha256)
        except NightshiftError as error:
            _tell(found, named, error)
            continue
        wrong = contradiction(decision.gates, decision.verdict)
        if wrong:
            found.wrong.append(f"{named}: {wrong}")
        if entry.candidate_id != decision.challenger.candidate_id:
            found.wrong.append(f"{named}: it is about {decision.challenger.candidate_id}, not {entry.candidate_id}")


def _check_releases(store: ObjectStore, entries: list[LedgerEntry], needed: set[str], found: _Found) -> None:
    newest = {entry.version: entry for entry in entries if entry.kind in ("promotion", "rollback")}
    for version, entry in newest.items():
        if version not in needed and not store.exists(keys.release_file(entry.project, version, MANIFEST)):
            found.removed += 1
            continue
        found.count("releases")
        found.wrong += [f"release of version {version}: {words}" for words in find_damage(store, entry)]


def _check_candidates(store: ObjectStore, project: str, inventory: Inventory, found: _Found) -> None:
    for candidate in sorted(inventory.candidates):
        manifest = _manifest(store, keys.model_manifest(project, candidate), f"candidate {candidate}", found)
        # without a manifest it is a training that was killed: retention removes it
        if manifest is None:
            continue
        found.count("candidates")
        _check_files(store, f"candidate {candidate}", manifest, found)


def _check_raw(store: ObjectStore, project: str, inventory: Inventory, found: _Found) -> None:
    for day, raw in sorted(inventory.raw.items()):
        if raw.manifest is None:
            if raw.snapshots:
                names = ", ".join(sorted(raw.snapshots))
                where = store.uri(keys.raw_manifest(project, day))
                found.wrong.append(f"raw data of {day}: {where} is gone, and snapshots lie there: {names}")
            continue
        named = f"raw data of {day}"
        manifest = _manifest(store, raw.manifest.key, named, found)
        if manifest is None:
            continue
        found.count("days of raw data")
        _check_files(store, f"{named}, snapshot {snapshot_id(manifest)}", manifest, found)


def _check_files(store: ObjectStore, named: str, manifest: Manifest, found: _Found) -> None:
    for name, ref in sorted(manifest.files.items()):
        try:
            get_file(store, ref)
        except NightshiftError as error:
            _tell(found, f"{named}: {name}", error)


def _manifest(store: ObjectStore, key: str, named: str, found: _Found) -> Manifest | None:
    try:
        return read_manifest(store, key)
    except NightshiftError as error:
        _tell(found, named, error)
        return None


def _tell(found: _Found, named: str, error: NightshiftError) -> None:
    """Note what is wrong; a store that does not answer is no finding."""
    if error.retryable:
        raise error
    if isinstance(error, ObjectMissingError):
        found.wrong.append(f"{named} is missing")
    elif isinstance(error, ChecksumMismatchError):
        found.wrong.append(f"{named} is not what was written")
    else:
        found.wrong.append(f"{named}: {error}")


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
    have_views_follow(store, project, tracking_url)
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
