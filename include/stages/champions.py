"""Read the champion a run compares with: the newest promotion as of its day, whole from its release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from include.config.decision import Decision, LedgerEntry
from include.config.errors import ObjectMissingError
from include.io.ledger import Ledger
from include.io.manifests import get_file, parse_receipt, read_manifest
from include.io.object_store import ObjectStore
from include.stages.candidates import DECISION, LoadedModel, load_from


@dataclass(frozen=True)
class Champion:
    """Hold a champion: the promotion that made it, its model, and the decision that let it in."""

    entry: LedgerEntry
    model: LoadedModel
    decision: Decision


def read_champion(store: ObjectStore, ledger: Ledger, as_of: date) -> Champion | None:
    """Return the champion as of a day, or None before the first promotion.

    Raises:
        ObjectMissingError: The ledger names a release that is not there.
        ChecksumMismatchError, ModelUntrustedError: The release is not the one that was published.
    """
    entry = ledger.champion(as_of)
    if entry is None:
        return None
    manifest = read_manifest(store, store.key_of(entry.release_uri))
    if manifest is None:
        raise ObjectMissingError(
            entry.release_uri,
            f"the release of champion {entry.version} is gone",
            got=f"ledger entry {entry.number} of {entry.project}",
            hint="restore the release from a backup, or roll back to another one",
        )
    where = store.uri(manifest.files[DECISION].key)
    decision = parse_receipt(get_file(store, manifest.files[DECISION]), where, Decision)
    return Champion(entry, load_from(store, manifest), decision)
