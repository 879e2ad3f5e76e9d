"""Publish releases, and point at the one in force: the pointer follows the ledger and never moves back."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from datetime import date

from include.domain.errors import (
    ChecksumMismatchError,
    LedgerConflictError,
    ObjectMissingError,
    PreconditionFailedError,
)
from include.domain.results import Receipt
from include.io import keys
from include.io.manifests import FileRef, Manifest, parse_receipt, read_manifest, read_receipt, to_json
from include.io.object_store import ObjectStore

MANIFEST = "manifest.json"
MAX_ATTEMPTS = 20

_log = logging.getLogger(__name__)


class ReleasePointer(Receipt):
    """Say which release is in force, and the ledger entry that put it there."""

    project: str
    version: str
    ledger_number: int
    candidate_id: str
    as_of: date
    release_uri: str


def publish_release(
    store: ObjectStore,
    project: str,
    version: str,
    files: dict[str, bytes],
    manifest: Manifest,
    may_differ: Collection[str] = (),
) -> str:
    """Write a release's files, then its manifest; publishing the same again changes nothing.

    A file that another publisher wrote is never overwritten, because a manifest may name it by now.

    Args:
        files: Bytes by file name, as serving will load them.
        manifest: Of kind "release"; its `files` are filled in here.
        may_differ: Names of files that are kept as they were published first.

    Returns:
        The address of the release's manifest.

    Raises:
        PreconditionFailedError: The version is published with other files: a release never changes.
    """
    if manifest.kind != "release" or MANIFEST in files:
        raise ValueError(f"a manifest of kind 'release' and no file named {MANIFEST} are needed, got {manifest.kind}")
    key = keys.release_file(project, version, MANIFEST)
    if read_manifest(store, key) is None:
        refs = {name: _put_beside(store, project, version, name, data) for name, data in files.items()}
        try:
            store.put(key, to_json(manifest.model_copy(update={"files": refs})), if_absent=True)
        except PreconditionFailedError:
            _log.info("another run published release %s of %s at the same time", version, project)
    _check_same(store, key, {name: data for name, data in files.items() if name not in may_differ}, may_differ)
    return store.uri(key)


def release_sha256(store: ObjectStore, project: str, version: str) -> str:
    """Return the sha256 of a release's manifest, which names the sha256 of each of its files.

    Raises:
        ObjectMissingError: There is no such release.
    """
    return hashlib.sha256(store.get(keys.release_file(project, version, MANIFEST))).hexdigest()


def read_pointer(store: ObjectStore, project: str) -> ReleasePointer | None:
    """Return the pointer to the release in force, or None before the first promotion.

    Raises:
        ArtifactDamagedError: The object is not a pointer of this version.
    """
    return read_receipt(store, keys.release_pointer(project), ReleasePointer)


def point_at(store: ObjectStore, project: str, pointer: ReleasePointer) -> None:
    """Move the pointer by compare-and-set; a pointer of an older ledger entry is left out silently.

    Raises:
        LedgerConflictError: Other writers were faster every time.
        ArtifactDamagedError: The object in place is not a pointer of this version.
    """
    key = keys.release_pointer(project)
    for _ in range(MAX_ATTEMPTS):
        current, etag = _read_with_etag(store, key)
        if current is not None and (current == pointer or current.ledger_number > pointer.ledger_number):
            return
        try:
            store.put(key, to_json(pointer), if_absent=etag is None, if_match=etag)
        except PreconditionFailedError:
            continue
        return
    raise LedgerConflictError(
        store.uri(key), "other writers moved the pointer every time", got=f"{MAX_ATTEMPTS} attempts", hint="retry"
    )


def _read_with_etag(store: ObjectStore, key: str) -> tuple[ReleasePointer | None, str | None]:
    try:
        found = store.read(key)
    except ObjectMissingError:
        return None, None
    return parse_receipt(found.data, store.uri(key), ReleasePointer), found.etag


def _put_beside(store: ObjectStore, project: str, version: str, name: str, data: bytes) -> FileRef:
    """Write a release's file; when its key holds other bytes, under a key that holds their hash."""
    sha256 = hashlib.sha256(data).hexdigest()
    for key in (keys.release_file(project, version, part) for part in (name, f"{sha256[:16]}-{name}")):
        ref = FileRef(key=key, sha256=sha256, size=len(data))
        try:
            store.put(key, data, if_absent=True)
        except PreconditionFailedError:
            if store.get(key) != data:
                continue
        return ref
    raise ChecksumMismatchError(
        store.uri(key), "the bytes are not those the key names", got=f"{len(data)} bytes to write", hint="delete it"
    )


def _check_same(store: ObjectStore, key: str, files: dict[str, bytes], may_differ: Collection[str]) -> None:
    published = read_manifest(store, key)
    assert published is not None
    found = {name: ref.sha256 for name, ref in published.files.items() if name not in may_differ}
    ours = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    if found != ours:
        different = sorted(name for name in found.keys() | ours.keys() if found.get(name) != ours.get(name))
        raise PreconditionFailedError(
            store.uri(key),
            "this version is published with other files, and a release never changes",
            got=f"different: {', '.join(different)}",
            hint="publish under a new version",
        )
