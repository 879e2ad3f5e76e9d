"""Call the command that people type, as a shell would, in a home and with projects of a test's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from include.airflow_client.api import AirflowApi
from include.config.credentials import load_credentials
from include.config.settings import ROOT
from include.domain import clock
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.stack.environment import free_ports
from include.stack.state_directory import StackState, read_state

# far more than a command takes: a machine may be busy
LONGEST_SECONDS = 1800
PASSED_ON = ("HOME", "PATH", "TMPDIR", "LANG")


class Door:
    """Call `./nightshift` in one home."""

    def __init__(self, home: Path, **environ: str) -> None:
        self.home = home
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.environ = {**kept, "NIGHTSHIFT_HOME": str(home), **environ}

    def __call__(self, *arguments: str, status: int = 0) -> str:
        ended = self.call(*arguments)
        assert ended.returncode == status, f"{ended.stdout}\n{ended.stderr}"
        return ended.stdout + ended.stderr

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return how a command ended, whatever its exit status."""
        return subprocess.run(
            [str(ROOT / "nightshift"), *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return it while it runs; stdout and stderr come as one."""
        return subprocess.Popen(
            [str(ROOT / "nightshift"), *arguments],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def json(self, *arguments: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self(*arguments, "--json"))

    def up(self) -> None:
        """Start the stack on ports of our own choice."""
        airflow, mlflow = free_ports(2)
        self.environ |= {"NIGHTSHIFT_AIRFLOW_PORT": str(airflow), "NIGHTSHIFT_MLFLOW_PORT": str(mlflow)}
        self("up")

    def state(self) -> StackState:
        """Return the running stack's state."""
        state = read_state(self.home)
        assert state is not None
        return state

    def api(self) -> AirflowApi:
        """Return the way to speak with the running stack's Airflow."""
        return AirflowApi(self.state().airflow_url, load_credentials(self.home).admin_password)

    def store(self) -> LocalStore:
        """Return the home's store."""
        return LocalStore(f"file://{self.home / 'store'}")

    def ledger(self, project: str) -> Ledger:
        """Return a project's ledger, read anew."""
        return Ledger(self.store(), project)

    def living(self) -> list[str]:
        """Return the command lines of the processes that still work in this home."""
        found = []
        for process in psutil.process_iter():
            try:
                text = " ".join(
                    [*process.cmdline(), *process.environ().values(), *(f.path for f in process.open_files())]
                )
            except (psutil.Error, OSError):
                continue
            if str(self.home) in text and process.pid != os.getpid():
                found.append(" ".join(process.cmdline()))
        return found


def copied_projects(folder: Path, *names: str) -> Path:
    """Return a new folder with copies of the projects (of all, when none is named)."""
    source = ROOT / "include/projects"
    for name in names:
        shutil.copytree(source / name, folder / name)
    if not names:
        shutil.copytree(source, folder)
    return folder


def edit(file: Path, *changes: tuple[str, str]) -> None:
    """Change a file by regular expressions; one that matches nothing is an error of the test."""
    text = file.read_text(encoding="utf-8")
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, flags=re.M)
        assert count, pattern
    file.write_text(text, encoding="utf-8")


def schedule_far_from_now() -> tuple[str, str]:
    """Return the change of a declaration after which no nightly run comes while a test runs, whenever that is."""
    later = clock.now() + timedelta(hours=6)
    return r"^schedule: .*$", f'schedule: "0 {later.hour} * * *"'


def wait_for(what: str, found: Callable[[], Any], seconds: float = 120) -> Any:
    """Return what `found` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.3)
    return value
