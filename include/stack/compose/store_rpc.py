"""Use an object store that only another program reaches: a client, and the server at the other end of a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from include.config.settings import Settings
from include.domain import errors
from include.domain.errors import NightshiftError, StoreError
from include.io.object_store import Listed, ObjectInfo, ObjectStore, StoredObject
from include.io.stores import open_store

DOOR = "include.stack.compose.store_rpc"
LAST_CHARACTERS = 600
END_SECONDS = 30


class PipedStore(ObjectStore):
    """Be the store at the other end while the program runs; one request at a time.

    Args:
        command: Starts `include.stack.compose.store_rpc` where the store can be reached.
        cwd: The folder it is started in.
        environ: Its environment.

    Raises:
        StoreError: The program does not answer.
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, environ: Mapping[str, str] | None = None) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the program
        self._process = subprocess.Popen(
            list(command), cwd=cwd, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words
        )
        self.url = command[0]
        try:
            self.url = str(self._ask("url")[0]["url"])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> PipedStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the program: it ends by itself when nobody asks any more."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._words.close()

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> ObjectInfo:
        """Write an object (see `ObjectStore.put`)."""
        told, _ = self._ask("put", data, key=key, if_absent=if_absent, if_match=if_match)
        return ObjectInfo(**told["info"])

    def read(self, key: str) -> StoredObject:
        """Return an object with its ETag."""
        told, data = self._ask("read", key=key)
        return StoredObject(data, str(told["etag"]))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from offset `start` (fewer at the end of the object)."""
        if start < 0 or length < 0:
            raise ValueError(f"start and length must not be negative, got {start} and {length}")
        return self._ask("read_range", key=key, start=start, length=length)[1]

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object without its bytes, or None when the key holds nothing."""
        info = self._ask("head", key=key)[0]["info"]
        return ObjectInfo(**info) if info else None

    def list(self, prefix: str = "") -> Iterator[Listed]:
        """Yield the objects whose key starts with `prefix`, in key order."""
        for key, size, modified in json.loads(self._ask("list", key=prefix)[1]):
            yield Listed(key, size, datetime.fromisoformat(modified))

    def delete(self, key: str) -> None:
        """Delete an object; deleting what is not there is no error."""
        self._ask("delete", key=key)

    def probe(self) -> None:
        """Refuse a store whose conditional writes do not hold."""
        self._ask("probe")

    def _ask(self, doing: str, data: bytes = b"", **more: Any) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdin is not None and self._process.stdout is not None
        request = json.dumps({"do": doing, **more, "size": len(data)}).encode()
        try:
            self._process.stdin.write(request + b"\n" + data)
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise self._ended()
        told = json.loads(line)
        content = self._process.stdout.read(told["size"])
        if len(content) < told["size"]:
            raise self._ended()
        if "error" in told:
            raise _error(told)
        return told, content

    def _ended(self) -> StoreError:
        self._words.seek(0)
        words = " ".join(self._words.read().decode(errors="replace").split())
        return StoreError(
            self.url, "the program that reaches the store has ended; its last words", got=words[-LAST_CHARACTERS:]
        )


def _error(told: Mapping[str, Any]) -> NightshiftError:
    """Return the error of the other end, of its own class."""
    kind = getattr(errors, str(told["error"]), StoreError)
    made = kind(told["where"], told["what"], got=told["got"], allowed=tuple(told["allowed"]), hint=told["hint"])
    assert isinstance(made, NightshiftError)
    return made


def main() -> int:
    """Answer requests until the other end is closed."""
    requests = sys.stdin.buffer
    # whatever a library prints must not come between the answers
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    store = open_store(Settings.from_environment().store_url)
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request.pop("size", 0))
        try:
            told, content = _answer(store, request, data)
        except NightshiftError as error:
            told, content = _failure(error), b""
        _send(answers, {**told, "size": len(content)}, content)
    return 0


def _answer(store: ObjectStore, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return what a request asks for, in JSON values and bytes."""
    doing, key = request["do"], request.get("key", "")
    if doing == "put":
        info = store.put(key, data, if_absent=request["if_absent"], if_match=request["if_match"])
        return {"info": _plain(info)}, b""
    if doing == "read":
        found = store.read(key)
        return {"etag": found.etag}, found.data
    if doing == "read_range":
        return {}, store.read_range(key, request["start"], request["length"])
    if doing == "list":
        listed = [(one.key, one.size, one.modified.isoformat()) for one in store.list(key)]
        return {}, json.dumps(listed).encode()
    return _answer_briefly(store, doing, key), b""


def _answer_briefly(store: ObjectStore, doing: str, key: str) -> dict[str, Any]:
    if doing == "head":
        info = store.head(key)
        return {"info": _plain(info) if info else None}
    if doing == "delete":
        store.delete(key)
        return {}
    if doing == "probe":
        store.probe()
        return {}
    return {"url": store.url}


def _plain(info: ObjectInfo) -> dict[str, Any]:
    return {"key": info.key, "size": info.size, "etag": info.etag}


def _failure(error: NightshiftError) -> dict[str, Any]:
    problem = error.problem
    return {
        "error": type(error).__name__,
        "where": problem.where,
        "what": problem.what,
        "got": problem.got,
        "allowed": problem.allowed,
        "hint": problem.hint,
    }


def _send(answers: IO[bytes], told: dict[str, Any], content: bytes) -> None:
    answers.write(json.dumps(told).encode() + b"\n")
    answers.write(content)
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
