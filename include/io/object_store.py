"""Keep artifacts as objects: one interface, the same rules and promises on a local folder and on S3."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from include.domain.errors import InvalidKeyError, PreconditionFailedError, StoreUnsafeError


@dataclass(frozen=True)
class ObjectInfo:
    """Describe one object: its key, size in bytes and ETag (opaque: only ever compared)."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Listed:
    """Describe one object of a listing: its key, size in bytes and the moment it was written, in UTC.

    Without ETag, because a folder would have to read every object for it; `head` tells it.
    """

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class StoredObject:
    """Hold an object's bytes with the ETag they were read at."""

    data: bytes
    etag: str


class ObjectStore(ABC):
    """Read and write whole objects under one URL."""

    url: str

    @abstractmethod
    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> ObjectInfo:
        """Write an object atomically; the bytes are checked on the way by a checksum.

        Raises:
            PreconditionFailedError: `if_absent` and the key exists, or `if_match` and the ETag differs or is gone.
            StoreError: The store did not answer, or refused.
        """

    @abstractmethod
    def read(self, key: str) -> StoredObject:
        """Return an object with its ETag.

        Raises:
            ObjectMissingError: The key holds nothing.
        """

    @abstractmethod
    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from offset `start` (fewer at the end of the object)."""

    @abstractmethod
    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object without its bytes, or None when the key holds nothing."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[Listed]:
        """Yield the objects whose key starts with `prefix`, in key order (no half-written ones); reads none of them."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an object; deleting what is not there is no error."""

    def clear(self, folder: str) -> int:
        """Delete every object whose key starts with `folder`, which ends with "/"; return how many there were."""
        if not folder.endswith("/"):
            raise ValueError(f"a folder ends with '/', got {folder!r}")
        count = 0
        for found in tuple(self.list(folder)):
            self.delete(found.key)
            count += 1
        return count

    @abstractmethod
    def probe(self) -> None:
        """Refuse a store whose conditional writes do not hold.

        Raises:
            StoreUnsafeError: A create-only write over an existing key, or a stale compare-and-set, succeeded.
        """

    def get(self, key: str) -> bytes:
        """Return an object's bytes."""
        return self.read(key).data

    def exists(self, key: str) -> bool:
        """Tell whether the key holds an object."""
        return self.head(key) is not None

    def uri(self, key: str) -> str:
        """Return the full address of a key."""
        return f"{self.url.rstrip('/')}/{key}"

    def key_of(self, uri: str) -> str:
        """Return the key of an address in this store."""
        prefix = self.url.rstrip("/") + "/"
        if not uri.startswith(prefix):
            raise ValueError(f"{uri} is not in the store {self.url}")
        return uri[len(prefix) :]


RESERVED = ".nightshift-"
MAX_KEY_BYTES = 1024
MAX_PART_BYTES = 200
HINT_SAFE = "use AWS S3, SeaweedFS 4.48 or newer, or a file:// store"


def check_key(key: str) -> str:
    """Return `key` when it may name an object.

    Raises:
        InvalidKeyError: It is empty, absolute, too long, has an empty, "." or ".." part, a control character, or a
            part that the store keeps for its own files.
    """
    if not key:
        raise InvalidKeyError("object key", "a key is needed", got=repr(key))
    _check_parts(key, key.split("/"))
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix` when it may start the keys of a listing: empty, whole parts, or a last part cut short.

    Raises:
        InvalidKeyError: As for `check_key`.
    """
    parts = prefix.split("/")
    _check_parts(prefix, parts[:-1] if parts[-1] in ("", ".", "..") else parts)
    return prefix


def _check_parts(key: str, parts: list[str]) -> None:
    where = "object key"
    if any(part in ("", ".", "..") for part in parts):
        raise InvalidKeyError(
            where, "a relative path without '.', '..' and empty parts is needed", got=repr(key), hint="'a/b/c.json'"
        )
    if any(part.startswith(RESERVED) for part in parts):
        raise InvalidKeyError(where, f"parts that start with '{RESERVED}' belong to the store", got=repr(key))
    if any(ord(character) < 32 or character in "\\\x7f" for character in key):
        raise InvalidKeyError(where, "control characters and backslashes are not allowed", got=repr(key))
    try:
        encoded = [part.encode() for part in parts]
    except UnicodeEncodeError as error:
        raise InvalidKeyError(where, "not valid Unicode", got=repr(key)) from error
    if sum(len(part) + 1 for part in encoded) > MAX_KEY_BYTES or any(len(part) > MAX_PART_BYTES for part in encoded):
        raise InvalidKeyError(
            where,
            "too long",
            got=f"{key[:60]!r}... of {len(key)} characters",
            allowed=(f"{MAX_KEY_BYTES} bytes in all", f"{MAX_PART_BYTES} bytes between two '/'"),
        )


def key_order(key: str) -> bytes:
    """Return what keys are sorted by: their UTF-8 bytes, as S3 does."""
    return key.encode()


def probe_conditions(store: ObjectStore) -> None:
    """Write, and try to write against two conditions that do not hold; five of nine S3 servers tried ignored one.

    Raises:
        StoreUnsafeError: Bytes came back changed, or a condition was ignored or misjudged.
        StoreError: The store cannot be written at all.
    """
    key = f"probe/{uuid.uuid4().hex}"
    try:
        first = store.put(key, b"first", if_absent=True)
        if store.get(key) != b"first":
            raise _unsafe(store, "other bytes were read than were written")
        if _succeeds(store, key, b"second", if_absent=True):
            raise _unsafe(store, "a create-only write over an existing object succeeded")
        if not _succeeds(store, key, b"third", if_match=first.etag):
            raise _unsafe(store, "a compare-and-set with the object's own ETag was refused")
        if _succeeds(store, key, b"fourth", if_match=first.etag):
            raise _unsafe(store, "a compare-and-set with a stale ETag succeeded")
    finally:
        store.delete(key)


def _succeeds(
    store: ObjectStore, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None
) -> bool:
    try:
        store.put(key, data, if_absent=if_absent, if_match=if_match)
    except PreconditionFailedError:
        return False
    return True


def _unsafe(store: ObjectStore, found: str) -> StoreUnsafeError:
    return StoreUnsafeError(
        store.url, "conditional writes do not hold here, so promotions could be lost", got=found, hint=HINT_SAFE
    )
