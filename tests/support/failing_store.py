"""Be bad weather for object stores: seeded failures of calls, and answers that are lost after the write took place."""

from __future__ import annotations

import errno
import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest import mock
from urllib.parse import unquote

from include.domain.errors import NightshiftError, StoreError
from include.io.local_store import LocalStore
from include.io.object_store import ObjectInfo
from tests.support.s3_proxy import BROKEN_LINE, Exchange

# what Airflow gives a task: the first try and two retries
TRIES = 3
STATUSES = (500, 503, BROKEN_LINE)

Anything = TypeVar("Anything")


class Weather:
    """Spoil a share of the calls to an S3 server, before they reach it or after it has answered.

    Attributes:
        spoilt: Which calls were spoilt: method and path.
    """

    def __init__(self, share: float, seed: int) -> None:
        self.spoilt: list[str] = []
        self._share = share
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def refuse(self, method: str, path: str) -> int | None:
        """Answer with an error, or not at all, without asking the server."""
        return self._spoil(method, path)

    def lose(self, exchange: Exchange) -> Exchange | None:
        """Answer with an error, or not at all, after the server did what it was asked to write."""
        if exchange.method != "PUT":
            return exchange
        status = self._spoil(exchange.method, exchange.path)
        if status is None:
            return exchange
        return None if status == BROKEN_LINE else exchange.answer(status)

    def _spoil(self, method: str, path: str) -> int | None:
        with self._lock:
            if self._chance.random() >= self._share:
                return None
            self.spoilt.append(f"{method} {path}")
            return self._chance.choice(STATUSES)


class LostAnswers:
    """Lose the first `count` answers to writes whose path holds `part`, whatever the server answered."""

    def __init__(self, part: str, count: int) -> None:
        self.left = count
        self._part = part

    def lose(self, exchange: Exchange) -> Exchange | None:
        """Answer with a broken line while there is something to lose."""
        if exchange.method == "PUT" and self._part in unquote(exchange.path) and self.left:
            self.left -= 1
            return None
        return exchange


def retried(call: Callable[[], Anything], tries: int = TRIES) -> tuple[Anything, int]:
    """Call as Airflow does, again after a failure that is retryable; return the result and the failures before it."""
    for failures in range(tries):
        try:
            return call(), failures
        except NightshiftError as error:
            if not error.retryable or failures == tries - 1:
                raise
    raise AssertionError("the last try returns or raises")


@contextmanager
def each_local_write_fails_once(*, after: bool) -> Iterator[list[str]]:
    """Have each new write to a local store fail, before or after it took place; yield the keys of those that did."""
    put, failed, known = LocalStore.put, [], set[tuple[str, str]]()

    def fail(store: LocalStore, key: str, data: bytes, **condition: Any) -> ObjectInfo:
        write = (key, hashlib.sha256(data).hexdigest())
        if write in known:
            return put(store, key, data, **condition)
        known.add(write)
        if after:
            put(store, key, data, **condition)
        failed.append(key)
        raise StoreError(store.uri(key), "the file system answered with an error", got=str(OSError(errno.EIO, "EIO")))

    with mock.patch.object(LocalStore, "put", fail):
        yield failed


@contextmanager
def no_pauses() -> Iterator[None]:
    """Let S3 clients, ours and MLflow's, try again at once."""
    with (
        mock.patch("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.01),
        mock.patch("botocore.retryhandler.delay_exponential", lambda base, growth_factor, attempts: 0.01),
    ):
        yield
