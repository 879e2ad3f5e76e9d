"""Check everything that can be checked of a project's history, and say how much that was.

Ledger, decisions and releases hold each other's sha256: an entry that of the entry before it, of its decision and of
its release; a release that of its files. What retention has removed is gone on purpose and is counted apart: releases
of versions that nothing needs any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from include.config.decision import LedgerEntry
from include.config.errors import ChecksumMismatchError, NightshiftError, ObjectMissingError
from include.config.results import Receipt
from include.io import keys
from include.io.decisions import read_decision
from include.io.ledger import Ledger
from include.io.manifests import Manifest, get_file, read_manifest
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST
from include.io.standing import champions
from include.ml.verdict import contradiction
from include.operations.release_check import find_damage
from include.operations.retention.inventory import Inventory, take_inventory
from include.stages.snapshots import snapshot_id


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
