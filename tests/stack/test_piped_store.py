"""Reach a store through another program: the same answers, the same errors, and an end that is told."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.config.settings import ROOT
from include.domain.errors import InvalidKeyError, ObjectMissingError, PreconditionFailedError, StoreError
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.stack.compose.store_rpc import DOOR, PipedStore

COMMAND = [sys.executable, "-P", "-m", DOOR]


@pytest.fixture
def piped(store_url: str) -> Iterator[PipedStore]:
    """Return a store that a child process reaches, on a folder and on an S3 server."""
    environ = {**os.environ, "NIGHTSHIFT_STORE_URL": store_url, "PYTHONPATH": str(ROOT)}
    with PipedStore(COMMAND, cwd=ROOT, environ=environ) as opened:
        yield opened


def test_both_ends_see_the_same_store(piped: PipedStore, store_url: str) -> None:
    direct: ObjectStore = open_store(store_url)
    assert piped.url == direct.url
    data = bytes(range(256)) * 5000 + b"\n"
    info = piped.put("a/b.bin", data, if_absent=True)
    direct.put("a/c d.txt", b"")
    assert direct.get("a/b.bin") == data == piped.get("a/b.bin")
    assert piped.read_range("a/b.bin", 250, 10) == data[250:260]
    assert piped.head("a/b.bin") == info == direct.head("a/b.bin")
    assert list(piped.list("a/")) == list(direct.list("a/"))
    assert [one.key for one in piped.list()] == ["a/b.bin", "a/c d.txt"]
    piped.put("a/b.bin", b"new", if_match=info.etag)
    piped.probe()
    piped.delete("a/c d.txt")
    assert piped.head("a/c d.txt") is None
    assert not direct.exists("a/c d.txt")


def test_errors_are_those_of_the_other_end(piped: PipedStore) -> None:
    with pytest.raises(ObjectMissingError, match="nothing: the key holds no object"):
        piped.read("nothing")
    piped.put("there", b"1")
    with pytest.raises(PreconditionFailedError, match="a create-only write lost"):
        piped.put("there", b"2", if_absent=True)
    with pytest.raises(InvalidKeyError, match="a relative path"):
        piped.put("../there", b"2")
    # it goes on after an error
    assert piped.get("there") == b"1"


def test_a_program_that_is_killed_is_told(tmp_path: Path) -> None:
    environ = {**os.environ, "NIGHTSHIFT_STORE_URL": f"file://{tmp_path}", "PYTHONPATH": str(ROOT)}
    with PipedStore(COMMAND, cwd=ROOT, environ=environ) as piped:
        piped.put("a", b"1")
        os.kill(piped._process.pid, signal.SIGKILL)
        with pytest.raises(StoreError, match="the program that reaches the store has ended"):
            piped.get("a")


def test_a_program_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No module named"):
        PipedStore([sys.executable, "-m", "include.no_such_door"], cwd=tmp_path)
