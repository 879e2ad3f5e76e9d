"""Compare the locked libraries with the known vulnerabilities."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from include.cli.console import errors, output
from include.cli.tables import Column, table
from include.config.settings import ROOT

# the developer's lock holds all of requirements.lock; the other one is what the image is made from
LOCKS = ("requirements-dev.lock", "requirements-compose.lock")
# what pip-audit says when the advisories' service does not answer
_UNREACHABLE = ("ConnectionError", "Max retries exceeded", "ServiceError", "timed out", "HTTPError")
SKIPPED_SHOWN = 5

COLUMNS = (
    Column("library"),
    Column("version"),
    Column("advisory", leaves=3),
    Column("fixed in", leaves=2),
    Column("lock", leaves=1),
)

Found = dict[tuple[str, str, str], tuple[str, list[str]]]


def audit(*, strict: bool) -> int:
    """Print the known vulnerabilities of every lock, and return 1 when there are any.

    A library whose advisories cannot be fetched counts as not audited, never as sound.

    Args:
        strict: Also return 1 when a library could not be audited, which otherwise is only said.
    """
    found: Found = {}
    complete = True
    for lock in [ROOT / name for name in LOCKS if (ROOT / name).is_file()]:
        libraries = audited(lock)
        skipped = [library["name"] for library in libraries or () if "skip_reason" in library]
        if libraries is None or skipped:
            complete = False
            _say_skipped(lock.name, skipped, len(libraries or ()))
        collect(found, lock.name, libraries or [])
    if found:
        _show(found)
    elif complete:
        output().print("no known vulnerability in the locked libraries")
    return 1 if found or (strict and not complete) else 0


def audited(lock: Path) -> list[dict[str, Any]] | None:
    """Return what pip-audit found of each library of a lock; None when it cannot reach the advisories."""
    # the lock names every library with its hash, so nothing has to be installed or resolved
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    try:
        libraries: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except json.JSONDecodeError:
        if any(sign in done.stderr for sign in _UNREACHABLE):
            return None
        sys.stderr.write(done.stderr)
        done.check_returncode()
        raise
    return libraries


def collect(found: Found, lock: str, libraries: list[dict[str, Any]]) -> None:
    """Add the vulnerabilities of a lock's libraries to those found before, with the lock's name."""
    for library in libraries:
        for weakness in library.get("vulns", ()):
            key = (library["name"], library["version"], weakness["id"])
            fixed = ", ".join(weakness["fix_versions"]) or "none yet"
            found.setdefault(key, (fixed, []))[1].append(lock)


def _say_skipped(lock: str, skipped: list[str], total: int) -> None:
    if not total or len(skipped) == total:
        said = "not audited: the advisories cannot be fetched from here"
    else:
        named = ", ".join(skipped[:SKIPPED_SHOWN]) + (" and others" if len(skipped) > SKIPPED_SHOWN else "")
        said = f"{len(skipped)} of {total} libraries not audited, without advisories from here: {named}"
    errors().print(f"{lock}: {said}", style="yellow", markup=False)


def _show(found: Found) -> None:
    rows = [[*known, fixed, ", ".join(locks)] for known, (fixed, locks) in sorted(found.items())]
    console = output()
    console.print(table(COLUMNS, rows, console.width))
