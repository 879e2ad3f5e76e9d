"""Serve the object store of this machine or container to the program at the other end of a pipe.

A container may reach an S3 server that nothing outside reaches: run there, with its settings and credentials, this is
the way to its objects (see `piped_store`). A request is a line of JSON, then `size` bytes; so is the answer.
"""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

from include.config.errors import NightshiftError
from include.config.settings import Settings
from include.io.object_store import ObjectInfo, ObjectStore
from include.io.stores import open_store


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
