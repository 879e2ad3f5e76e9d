"""Write and read manifests, the commit marks of artifacts, and replace the current one by compare-and-set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from include.domain.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    ObjectMissingError,
    PartitionChangedError,
    PreconditionFailedError,
)
from include.domain.results import Origin, Receipt
from include.io.object_store import ObjectStore

AnyReceipt = TypeVar("AnyReceipt", bound=Receipt)


class FileRef(Receipt):
    """Name one file of an artifact with the sha256 of its bytes.

    Attributes:
        key: The file's key in the store.
        sha256: Hexadecimal.
        size: Bytes.
        rows: Rows, for a table.
    """

    key: str
    sha256: str
    size: int
    rows: int | None = None


class Manifest(Receipt):
    """Be the commit mark of one artifact.

    Attributes:
        kind: What the artifact is.
        day: The partition, for artifacts of one day.
        status: `rejected` marks a finished check that said no.
        fingerprint: A hash of everything the artifact was made from; equal fingerprints mean equal artifacts.
        files: The artifact's files by name.
        details: What else the stage needs to know, as plain JSON values.
    """

    kind: Literal["raw", "validation", "features", "model", "release", "predictions"]
    project: str
    day: date | None = None
    status: Literal["complete", "rejected"] = "complete"
    fingerprint: str
    files: dict[str, FileRef]
    origin: Origin
    made_at: datetime
    details: dict[str, Any] = {}


def put_file(store: ObjectStore, key: str, data: bytes, rows: int | None = None) -> FileRef:
    """Write a file and return what a manifest says of it."""
    store.put(key, data)
    return FileRef(key=key, sha256=hashlib.sha256(data).hexdigest(), size=len(data), rows=rows)


def get_file(store: ObjectStore, ref: FileRef) -> bytes:
    """Return a file's bytes, checked.

    Raises:
        ObjectMissingError: The file is gone.
        ChecksumMismatchError: The bytes are not those the manifest names.
    """
    data = store.get(ref.key)
    found = hashlib.sha256(data).hexdigest()
    if found != ref.sha256:
        raise ChecksumMismatchError(
            store.uri(ref.key),
            "the bytes are not those the manifest names",
            got=f"sha256 {found}, {len(data)} bytes",
            allowed=(f"sha256 {ref.sha256}, {ref.size} bytes",),
            hint="prepare the artifact again with force",
        )
    return data


def read_manifest(store: ObjectStore, key: str) -> Manifest | None:
    """Return the manifest at `key`, or None when the artifact does not exist.

    Raises:
        ArtifactDamagedError: It is not a manifest of this version.
    """
    return read_receipt(store, key, Manifest)


def write_manifest(store: ObjectStore, key: str, manifest: Manifest) -> None:
    """Write a manifest: the last write of an artifact, after all its files."""
    store.put(key, to_json(manifest))


def to_json(receipt: Receipt) -> bytes:
    """Return a receipt as indented JSON, for people and for `read_receipt`."""
    return (receipt.model_dump_json(indent=2) + "\n").encode()


def keep_first(store: ObjectStore, key: str, made: AnyReceipt) -> AnyReceipt:
    """Write a receipt where there is none, and return the one that is there then: whoever came first wrote it.

    Raises:
        ArtifactDamagedError: What is there is no such receipt.
    """
    try:
        store.put(key, to_json(made), if_absent=True)
    except PreconditionFailedError:
        return parse_receipt(store.get(key), store.uri(key), type(made))
    return made


def read_receipt(store: ObjectStore, key: str, kind: type[AnyReceipt]) -> AnyReceipt | None:
    """Return the receipt of class `kind` at `key`, or None when the key holds nothing.

    Raises:
        ArtifactDamagedError: The bytes are not such a receipt.
    """
    try:
        data = store.get(key)
    except ObjectMissingError:
        return None
    return parse_receipt(data, store.uri(key), kind)


def parse_receipt(data: bytes, where: str, kind: type[AnyReceipt]) -> AnyReceipt:
    """Return the receipt of class `kind` in `data`.

    Raises:
        ArtifactDamagedError: The bytes are not such a receipt.
    """
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole text"
        raise ArtifactDamagedError(
            where,
            f"not a {kind.__name__} of this version",
            got=f"{place}: {first['msg']}",
            hint="it was written by another version or changed by hand",
        ) from error


MAX_TRIES = 5


@dataclass(frozen=True)
class CurrentManifest:
    """Hold what a commit mark said when it was looked at: no manifest and no ETag where there was none."""

    manifest: Manifest | None = None
    etag: str | None = None


def read_current(store: ObjectStore, key: str) -> CurrentManifest:
    """Return the manifest at `key`, with the ETag it was read at.

    Raises:
        ArtifactDamagedError: It is not a manifest of this version.
    """
    try:
        found = store.read(key)
    except ObjectMissingError:
        return CurrentManifest()
    return CurrentManifest(parse_receipt(found.data, store.uri(key), Manifest), found.etag)


def replace_current(store: ObjectStore, key: str, manifest: Manifest, seen: CurrentManifest) -> bool:
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
