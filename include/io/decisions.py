"""Read decisions back: one way for the stages, the command line and the owner's message."""

from __future__ import annotations

import hashlib

from include.config.decision import Decision
from include.config.errors import ChecksumMismatchError
from include.io import keys
from include.io.manifests import parse_receipt
from include.io.object_store import ObjectStore


def read_decision(store: ObjectStore, project: str, decision_id: str, sha256: str = "") -> Decision:
    """Return a decision by its key, so that a store may be moved.

    Args:
        store: Holds it.
        project: The project's name.
        decision_id: Its id.
        sha256: Of its bytes, as it was written; empty where nobody kept that.

    Raises:
        ObjectMissingError: There is no such decision.
        ArtifactDamagedError: It is not one of this version.
        ChecksumMismatchError: It is not the one that was written.
    """
    key = keys.decision(project, decision_id)
    data = store.get(key)
    found = hashlib.sha256(data).hexdigest()
    if sha256 not in ("", found):
        raise ChecksumMismatchError(
            store.uri(key),
            "the decision is not the one that was written",
            got=f"sha256 {found}",
            allowed=(f"sha256 {sha256}",),
            hint="it was changed by hand: restore it from a backup, or delete it and run the night again",
        )
    return parse_receipt(data, store.uri(key), Decision)


def decision_sha256(store: ObjectStore, project: str, decision_id: str) -> str:
    """Return the sha256 of a decision's bytes.

    Raises:
        ObjectMissingError: There is no such decision.
    """
    return hashlib.sha256(store.get(keys.decision(project, decision_id))).hexdigest()
