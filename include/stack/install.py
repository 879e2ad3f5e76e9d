"""Make `.venv` from a lock, whole or not at all: run by `./nightshift` with a bare Python, so it imports nothing else.

An install is finished when `.venv/installed.lock` equals the lock. A half-made `.venv` is known by its `installing`
mark and made anew; two installs at once wait for each other.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = "uv==0.13.8"
NEEDED_MB = 4000
NEEDED_VARIABLE = "NIGHTSHIFT_DISK_NEEDED_MB"
EVERYTHING = "requirements-dev.lock"
STAMP = "installed.lock"
MARK = "installing"


class InstallError(Exception):
    """Say in one sentence why this machine cannot be set up."""


def main(lock_name: str, root: Path = ROOT) -> int:
    """Install the lock called `lock_name` of the checkout `root`; say what is done on stderr, and return the status."""
    lock = root / lock_name
    try:
        # on the checkout, because there is one .venv for both locks; the kernel frees it when the process ends
        held = os.open(root, os.O_RDONLY)
        try:
            _wait_for(held)
            if not is_installed(root, lock):
                install(root, lock)
        finally:
            os.close(held)
    except InstallError as error:
        _say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        _say(
            f"setting up failed (exit status {error.returncode}): {' '.join(map(str, error.cmd))}; see above; run again"
        )
        return 1
    except KeyboardInterrupt:
        _say("setting up was interrupted; the next call begins it again")
        return 1
    return 0


def is_installed(root: Path, lock: Path) -> bool:
    """Tell whether `.venv` already holds `lock`: another call may have installed it, or more, while this one waited."""
    stamp = root / ".venv" / STAMP
    if not (root / ".venv/bin/python").exists() or not stamp.is_file():
        return False
    enough = [lock] if lock.name == EVERYTHING else [lock, root / EVERYTHING]
    return any(held.is_file() and held.read_bytes() == stamp.read_bytes() for held in enough)


def install(root: Path, lock: Path) -> None:
    """Bring `.venv` to exactly what `lock` names, with bytecode.

    Raises:
        InstallError: The disk is too small, or this Python cannot make virtual environments.
        subprocess.CalledProcessError: pip or uv failed; its own message is on stderr.
    """
    started = time.monotonic()
    venv = root / ".venv"
    mark = venv / MARK
    fresh = mark.exists() or not _usable(venv)
    check_disk(root, 0 if fresh else _size_mb(venv))
    if fresh:
        check_venv_module()
        _say(f"making .venv with Python {sys.version.split()[0]}")
        _run([sys.executable, "-m", "venv", "--clear", str(venv)])
    (venv / STAMP).unlink(missing_ok=True)
    mark.touch()
    python = str(venv / "bin/python")
    _say(f"installing {_count(lock)} packages of {lock.name} (once; a minute or two when they are not cached yet)")
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV])
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    _run(
        [
            python,
            "-m",
            "uv",
            "pip",
            "sync",
            *quiet,
            "--python",
            python,
            "--require-hashes",
            "--compile-bytecode",
            str(lock),
        ]
    )
    partial = venv / f"{STAMP}.new"
    shutil.copyfile(lock, partial)
    partial.replace(venv / STAMP)
    mark.unlink()
    _say(f"installed in {time.monotonic() - started:.0f} s")


def check_disk(root: Path, present_mb: float = 0) -> None:
    """Refuse a disk without room for the environment; what is present already needs no room.

    Raises:
        InstallError: Less is free than needed (4000 MB, or `NIGHTSHIFT_DISK_NEEDED_MB`).
    """
    needed = max(float(os.environ.get(NEEDED_VARIABLE) or NEEDED_MB) - present_mb, 0)
    free = shutil.disk_usage(root).free / 1e6
    if free < needed:
        raise InstallError(
            f"too little disk under {root}: {free / 1000:.1f} GB free, {needed / 1000:.1f} GB needed for .venv; "
            f"free some, or move the checkout"
        )


def check_venv_module() -> None:
    """Refuse a Python that was packaged without venv or ensurepip.

    Raises:
        InstallError: One of them is missing.
    """
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise InstallError(
            f"{sys.executable} has no module {' and no '.join(missing)}; install it "
            f"(Debian, Ubuntu: apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv), "
            f"or name another Python in NIGHTSHIFT_PYTHON"
        )


def _usable(venv: Path) -> bool:
    python = venv / "bin/python"
    if not python.exists():
        return False
    answer = subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False)
    return answer.returncode == 0


def _run(command: list[str]) -> None:
    # UV_SYSTEM_CERTS: trust the machine's certificates too, which company networks need; what the user set wins
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX"):
        environment.pop(name, None)
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)


def _wait_for(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("another call is setting up .venv; waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _size_mb(folder: Path) -> float:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _count(lock: Path) -> int:
    return sum(line[:1].isalnum() for line in lock.read_text(encoding="utf-8").splitlines())


def _say(sentence: str) -> None:
    print(f"nightshift: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
