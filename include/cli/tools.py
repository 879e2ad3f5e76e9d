"""Hand over to the programs the checkout brings: Airflow, pytest, linters, the demo sources, the audit of libraries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.cli.console import Column, errors, output, table
from include.cli.options import parse_day
from include.config.connections import declared_connections
from include.config.settings import ROOT, Settings

DOCKER_TESTS = "tests/docker"
# each may have an Airflow of its own, with 1.5 GB
MAX_TEST_PROCESSES = 4
AIRFLOW_HELP = """Usage: ./nightshift airflow COMMAND [ARGUMENTS]...

Run an `airflow` command on this checkout's Airflow; all arguments are Airflow's own, but --docker: on the docker stack.

Example: ./nightshift airflow backfill create --dag-id telco_churn__retrain --from-date 2026-01-01 --to-date 2026-01-03
All commands: ./nightshift airflow cheat-sheet
"""


def run_airflow(arguments: Sequence[str]) -> int:  # noqa: RET503 - nothing comes after exec
    """Become the `airflow` command, with the environment of this home's Airflow."""
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(AIRFLOW_HELP)
        return 0
    from include.stack.state_directory import command_environment

    os.execve(  # noqa: S606 - becoming the program is the point: its signals and exit status are the user's
        sys.executable,
        [sys.executable, "-P", "-m", "airflow", *arguments],
        command_environment(Settings.from_environment()),
    )


def run_tests(arguments: Sequence[str], *, deep: bool = False, units: bool = False) -> int:
    """Run pytest in the checkout and return its status.

    All tests but those that need a Docker engine, asked for without arguments, run side by side, each file in one
    process, by one process more than there are processors: while the tests of one wait for a real scheduler, those of
    others compute. Kills, races and random histories are tried a few times, and as often as there is with `deep`; with
    `units` neither whole stages on real stores nor a scheduler are tried.
    """
    if deep:
        os.environ["NIGHTSHIFT_TEST_DEEP"] = "1"
    left_out = ["deep"] * (not deep) + ["integration", "e2e"] * units
    chosen = arguments or (
        *(("-m", " and ".join(f"not {mark}" for mark in left_out)) if left_out else ()),
        f"--ignore={DOCKER_TESTS}",
        "-n",
        str(min((os.cpu_count() or 1) + 1, MAX_TEST_PROCESSES)),
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
    )
    return _run([sys.executable, "-m", "pytest", *chosen])


def run_docker_tests(arguments: Sequence[str]) -> int:
    """Run the tests that need a Docker engine, one after the other, and return pytest's status.

    Without an engine each of them is skipped, and says so. Those that kill the parts of a stack in turn take an hour,
    and run only when they are asked for: `-m chaos`.
    """
    marked = () if "-m" in arguments else ("-m", "not chaos")
    chosen = () if any(argument.startswith(DOCKER_TESTS) for argument in arguments) else (DOCKER_TESTS,)
    return _run([sys.executable, "-m", "pytest", *chosen, *marked, *arguments])


def _run(command: Sequence[str]) -> int:
    process = subprocess.Popen(command, cwd=ROOT)
    # the terminal's Ctrl-C reaches the child, too: it ends in its own way, and then so do we
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return process.wait()


def load_demo(project: str, first: str, last: str, *, s3: bool) -> int:
    """Deliver the days from `first` to `last`, both included, and say how many were missing.

    Raises:
        UnknownProjectError: The demo feed has no such project.
        AsOfError: A day is not a day, or `first` is after `last`.
    """

    from include.cli.stack_in_use import opened_store
    from include.demo_feed import feed

    settings = Settings.from_environment()
    days = parse_day(first, "--from"), parse_day(last, "--to")
    console = output()
    with (
        opened_store(settings.in_namespace(""), s3=s3) as store,
        console.status("delivering", spinner="line") as status,
    ):
        written = feed.load(
            project,
            *days,
            store_url=settings.given_landing_url or store.url,
            connections=declared_connections(settings),
            progress=lambda done, total: status.update(f"delivering day {done} of {total}"),
        )
    console.print(f"{project}: {written} days delivered, the others were there")
    return 0


@dataclass(frozen=True)
class Linter:
    """Be one program with its arguments.

    Attributes:
        files: What it is given besides, as patterns in the checkout; it does not run where none of them matches.
        everywhere: Whether its package is made for every machine; another one is left out where it is missing.
    """

    command: tuple[str, ...]
    files: tuple[str, ...] = ()
    everywhere: bool = True


WORKFLOWS = (".github/workflows/*.yml",)
COMPOSE = ("docker-compose*.yaml",)
SHELL = ("nightshift", ".ci/run", "docker/**/*.sh")
LINTERS: tuple[Linter, ...] = (
    Linter(("ruff", "check", ".")),
    Linter(("ruff", "format", "--check", ".")),
    Linter(("lint-imports", "--no-cache")),
    Linter(("mypy",)),
    Linter(("check-jsonschema", "--builtin-schema", "vendor.github-workflows"), WORKFLOWS),
    Linter(("check-jsonschema", "--builtin-schema", "vendor.compose-spec"), COMPOSE),
    Linter(("zizmor", "--offline", "--quiet", "--persona=regular"), WORKFLOWS),
    Linter(("shellcheck",), SHELL),
    Linter(("hadolint", "--failure-threshold", "warning"), ("Dockerfile*",), everywhere=False),
)


def run_lint() -> int:
    """Run every linter, also after one has failed; return 1 when any has."""
    failed = []
    for linter, command in _chosen():
        name = linter.command[0]
        program = Path(sys.executable).parent / name
        if not linter.everywhere and not program.exists():
            errors().print(f"{name}: left out, its package is not made for this machine", style="yellow")
            continue
        errors().print(" ".join(command), style="bold", markup=False, soft_wrap=True)
        if subprocess.run([str(program), *command[1:]], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        errors().print(f"failed: {', '.join(failed)}", style="red")
    return 1 if failed else 0


def _chosen() -> Iterator[tuple[Linter, list[str]]]:
    """Yield each linter that has something to look at, with its whole command."""
    for linter in LINTERS:
        files = sorted(str(path.relative_to(ROOT)) for pattern in linter.files for path in ROOT.glob(pattern))
        if files or not linter.files:
            yield linter, [*linter.command, *files]


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
