"""Read decisions back: one way for the stages, the command line and the owner's message."""

from __future__ import annotations

from include.config.decision import Decision
from include.io import keys
from include.io.manifests import parse_receipt
from include.io.object_store import ObjectStore


def read_decision(store: ObjectStore, project: str, decision_id: str) -> Decision:
    """Return a decision by its key, so that a store may be moved.

    Raises:
        ObjectMissingError: There is no such decision.
        ArtifactDamagedError: It is not one of this version.
    """
    key = keys.decision(project, decision_id)
    return parse_receipt(store.get(key), store.uri(key), Decision)
