"""Keep artifacts as objects: one interface, the same promises on a local folder and on S3.

An object appears whole or not at all. `put` can be create-only (`if_absent`) or compare-and-set (`if_match`), which is
all the locking the ledger needs. Keys are relative, "/"-separated and never start with "/".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


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
