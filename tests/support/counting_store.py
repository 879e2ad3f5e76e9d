"""Count what is asked of an object store, by method and by key: a cost that does not depend on the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from include.io.object_store import ObjectInfo, ObjectStore, StoredObject
from include.io.stores import open_store


class CountingStore(ObjectStore):
    """Pass every call on to another store and count it; objects that a listing yields are counted, too."""

    def __init__(self, store: ObjectStore, calls: Counter[str], keys: dict[str, set[str]]) -> None:
        self.url = store.url
        self._store = store
        self._calls = calls
        self._keys = keys

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> ObjectInfo:
        self._count("put", key)
        return self._store.put(key, data, if_absent=if_absent, if_match=if_match)

    def read(self, key: str) -> StoredObject:
        self._count("read", key)
        return self._store.read(key)

    def read_range(self, key: str, start: int, length: int) -> bytes:
        self._count("read_range", key)
        return self._store.read_range(key, start, length)

    def head(self, key: str) -> ObjectInfo | None:
        self._count("head", key)
        return self._store.head(key)

    def list(self, prefix: str = "") -> Iterator[Any]:
        self._count("list", prefix)
        for info in self._store.list(prefix):
            self._count("listed", info.key)
            yield info

    def delete(self, key: str) -> None:
        self._count("delete", key)
        self._store.delete(key)

    def probe(self) -> None:
        self._calls["probe"] += 1
        self._store.probe()

    def _count(self, method: str, key: str) -> None:
        self._calls[method] += 1
        self._keys.setdefault(method, set()).add(key)


class Counted:
    """Count the calls of all stores that some modules open.

    Attributes:
        calls: How often each method was called.
        keys: The keys each was called with.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
        self.calls: Counter[str] = Counter()
        self.keys: dict[str, set[str]] = {}
        for module in modules:
            monkeypatch.setattr(module, "open_store", self._open)

    def _open(self, url: str) -> ObjectStore:
        return CountingStore(open_store(url), self.calls, self.keys)
