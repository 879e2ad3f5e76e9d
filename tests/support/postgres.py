"""Start a real PostgreSQL of one's own for a test session, from the binaries of the machine."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

START_SECONDS = 60


def binaries() -> Path | None:
    """Return the folder with initdb and postgres, or None when the machine has none."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def postgres(folder: Path) -> Iterator[URL]:
    """Run a server on a free port of loopback until the block ends."""
    # PostgreSQL refuses to run as root
    user = _other_user() if os.geteuid() == 0 else None
    # a socket's path is short, and the other user must be able to reach the data
    home = Path(tempfile.mkdtemp(prefix="nightshift-pg-"))
    data, port = home / "data", _free_port()
    if user is not None:
        shutil.chown(home, user)
    initdb = [folder / "initdb", "-D", data, "-U", "tester", "--auth=trust", "--encoding=UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=home)
    command = [folder / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", home, "-F"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=home)
    try:
        _wait(server, port, home / "log")
        yield URL.create("postgresql+psycopg", "tester", "unused", "127.0.0.1", port, "postgres")
    finally:
        server.terminate()
        server.wait(timeout=START_SECONDS)
        shutil.rmtree(home, ignore_errors=True)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        if b"ready to accept connections" in log.read_bytes():
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start on port {port}: {log.read_text()}")
