"""Change the manifest in force by compare-and-set: of two runs that prepare one day at once, the second looks again.

Look first, then read what the new manifest is made from, then put. What another run changes in between it commits
after our look, so our write is refused; what it committed before, we have read. An older result never ends up on top.
"""

from __future__ import annotations

from dataclasses import dataclass

from include.config.errors import ObjectMissingError, PartitionChangedError, PreconditionFailedError
from include.io.manifests import Manifest, parse_receipt, to_json
from include.io.object_store import ObjectStore

MAX_TRIES = 5


@dataclass(frozen=True)
class InForce:
    """Hold what a commit mark said when it was looked at: no manifest and no ETag where there was none."""

    manifest: Manifest | None = None
    etag: str | None = None


def look(store: ObjectStore, key: str) -> InForce:
    """Return the manifest at `key`, with the ETag it was read at.

    Raises:
        ArtifactDamagedError: It is not a manifest of this version.
    """
    try:
        found = store.read(key)
    except ObjectMissingError:
        return InForce()
    return InForce(parse_receipt(found.data, store.uri(key), Manifest), found.etag)


def put_in_force(store: ObjectStore, key: str, manifest: Manifest, seen: InForce) -> bool:
    """Write the manifest, unless the key has changed since it was `seen`; tell whether it was written."""
    try:
        store.put(key, to_json(manifest), if_absent=seen.etag is None, if_match=seen.etag)
    except PreconditionFailedError:
        return False
    return True


def kept_changing(where: str) -> PartitionChangedError:
    """Return the error for a day that other runs changed each time it was looked at."""
    return PartitionChangedError(
        where, "other runs kept changing the day", got=f"{MAX_TRIES} lost writes", hint="run it again"
    )
