"""Read the champion a run compares with: the newest promotion as of its day, whole from its release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from include.config.decision import Decision, LedgerEntry
from include.config.errors import ChecksumMismatchError, ObjectMissingError
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import get_file, parse_receipt, read_manifest
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST, release_sha256
from include.stages.candidates import DECISION, LoadedModel, load_from


@dataclass(frozen=True)
class Champion:
    """Hold a champion: the promotion that made it, its model, and the decision that let it in."""

    entry: LedgerEntry
    model: LoadedModel
    decision: Decision


def read_rival(store: ObjectStore, ledger: Ledger, as_of: date) -> tuple[Champion | None, str]:
    """Return the champion as of a day, or None and why there is none to compare with.

    Before the first promotion there is no reason to tell. A champion of long ago may have been removed by retention: a
    run about its time then goes without the comparison. It promotes nothing, because the champion in force is newer.

    Raises:
        ObjectMissingError: The release of the champion in force is gone.
        ArtifactDamagedError: The entry is not the one that the next entry was written after.
        ChecksumMismatchError, ModelUntrustedError: See `load_champion`.
    """
    entry = ledger.champion(as_of)
    if entry is None:
        return None, ""
    ledger.check(entry.number)
    try:
        return load_champion(store, entry), ""
    except ObjectMissingError:
        if entry == ledger.champion():
            raise
        return None, f"the release of version {entry.version} is gone; retention keeps the newest champions"


def load_champion(store: ObjectStore, entry: LedgerEntry) -> Champion:
    """Return the champion that a ledger entry put in force.

    Raises:
        ObjectMissingError: The ledger names a release that is not there.
        ChecksumMismatchError, ModelUntrustedError: The release is not the one that was published.
    """
    # by its key, not by the address it had: a store may be moved or restored elsewhere
    manifest = read_manifest(store, keys.release_file(entry.project, entry.version, MANIFEST))
    if manifest is None:
        raise ObjectMissingError(
            entry.release_uri,
            f"the release of champion {entry.version} is gone",
            got=f"ledger entry {entry.number} of {entry.project}",
            hint=f"./nightshift reconcile {entry.project} repairs the champion in force; others go with keep.versions",
        )
    check_release(store, entry)
    where = store.uri(manifest.files[DECISION].key)
    decision = parse_receipt(get_file(store, manifest.files[DECISION]), where, Decision)
    return Champion(entry, load_from(store, manifest), decision)


def check_release(store: ObjectStore, entry: LedgerEntry) -> None:
    """Compare a release's manifest with what the ledger entry says that put it in force.

    Raises:
        ObjectMissingError: The release is gone.
        ChecksumMismatchError: The manifest is another one, or of another candidate.
    """
    found = release_sha256(store, entry.project, entry.version)
    if entry.release_sha256 not in ("", found):
        raise ChecksumMismatchError(
            store.uri(keys.release_file(entry.project, entry.version, MANIFEST)),
            f"the release is not the one that ledger entry {entry.number} put in force",
            got=f"sha256 {found}",
            allowed=(f"sha256 {entry.release_sha256}",),
            hint=f"./nightshift reconcile {entry.project} publishes it again from the trained candidate",
        )
