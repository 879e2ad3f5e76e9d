"""Hold the rules that every object store keeps: which keys are allowed, and the proof that conditions are honoured."""

from __future__ import annotations

import uuid

from include.config.errors import InvalidKeyError, PreconditionFailedError, StoreUnsafeError
from include.io.object_store import ObjectStore

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
