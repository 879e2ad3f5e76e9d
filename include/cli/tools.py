"""Hand over to the programs the checkout brings: Airflow's command line and pytest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

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
    from include.stack.commands import command_environment

    os.execve(  # noqa: S606 - becoming the program is the point: its signals and exit status are the user's
        sys.executable,
        [sys.executable, "-P", "-m", "airflow", *arguments],
        command_environment(Settings.from_environment()),
    )


def run_tests(arguments: Sequence[str], *, deep: bool = False) -> int:
    """Run pytest in the checkout and return its status.

    All tests but those that need a Docker engine, asked for without arguments, run side by side, each file in one
    process: while the tests of one wait for a real scheduler, those of another compute. Kills, races and random
    histories are tried a few times, and as often as there is with `deep`.
    """
    if deep:
        os.environ["NIGHTSHIFT_TEST_DEEP"] = "1"
    chosen = arguments or (
        *(() if deep else ("-m", "not deep")),
        f"--ignore={DOCKER_TESTS}",
        "-n",
        str(min(os.cpu_count() or 1, MAX_TEST_PROCESSES)),
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
