"""Run the docker stack of this checkout beside any other: a copy of its files, with names and volumes of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from include.airflow_client.api import AirflowApi
from include.airflow_client.namespace_dags import ensure_pool
from include.airflow_client.runs import wait_until_parsed
from include.config.settings import ROOT
from include.domain import clock
from include.stack.compose.engine import Compose
from include.stack.compose.env_file import change_env, read_env
from tests.support import docker_engine

UP_SECONDS = 1500
NIGHT_SECONDS = 900
READ_OBJECTS = """
import hashlib, json, os, sys
from include.io.stores import open_store
store = open_store(os.environ["NIGHTSHIFT_STORE_URL"])
print(json.dumps({one.key: hashlib.sha256(store.get(one.key)).hexdigest() for one in store.list(sys.argv[1])}))
"""


@dataclass(frozen=True)
class DockerStack:
    """Be one stack that is up."""

    root: Path
    name: str

    @property
    def env(self) -> dict[str, str]:
        """Return the secrets and settings of its `.env`."""
        return read_env(self.root)

    @property
    def compose(self) -> Compose:
        """Return the way to its containers."""
        return Compose(self.root, _environ())

    @property
    def airflow_url(self) -> str:
        """Return where its UI is published."""
        return f"http://127.0.0.1:{self.env['NIGHTSHIFT_AIRFLOW_PORT']}"

    @property
    def mlflow_url(self) -> str:
        """Return where its MLflow is published."""
        return f"http://127.0.0.1:{self.env['NIGHTSHIFT_MLFLOW_PORT']}"

    def api(self) -> AirflowApi:
        """Return its Airflow, logged in as the administrator."""
        return AirflowApi(self.airflow_url, SecretStr(self.env["ADMIN_PASSWORD"]))

    def nightshift(self, *arguments: str, seconds: float = NIGHT_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a command of its door to its end."""
        return subprocess.run(
            ["./nightshift", *arguments],
            cwd=self.root,
            env=_environ(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def inside(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in a service's container."""
        return subprocess.run(
            self.compose.command("exec", "--no-TTY", service, *command),
            cwd=self.root,
            env=_environ(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def python(self, code: str, *arguments: str, service: str = "api-server") -> Any:
        """Return, as JSON values, what Python code prints in a container that has the store's keys."""
        done = self.inside(service, "python", "-c", code, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def objects(self, prefix: str = "") -> dict[str, str]:
        """Return the sha256 of every object of its store below a prefix, by key."""
        found: dict[str, str] = self.python(READ_OBJECTS, prefix)
        return found

    def register(self, namespace: str, dag_id: str) -> None:
        """Make a namespace known with its pool, and wait until its Dag is there."""
        self.python(
            "import sys; from include.domain.names import register; from include.config.settings import Settings;"
            'register(Settings.from_environment().home, sys.argv[1]); print("null")',
            namespace,
        )
        api = self.api()
        ensure_pool(api, namespace)
        wait_until_parsed(api, dag_id, clock.now())

    def containers(self, service: str) -> list[str]:
        """Return the names of a service's containers."""
        return sorted(one["Name"] for one in self.compose.services() if one["Service"] == service)


@contextmanager
def docker_stack(folder: Path, *, workers: int, **settings: str) -> Iterator[DockerStack]:
    """Yield a stack that is up, made from the files of this checkout; all of it is removed afterwards.

    Args:
        folder: An empty folder for the copy.
        workers: How many Celery workers.
        settings: Variables for its `.env`.
    """
    copy_checkout(folder)
    name = f"nightshift-test-{secrets.token_hex(4)}"
    # no secret yet: the first command makes them, as in a new clone
    change_env(folder, {"NIGHTSHIFT_STACK": name, "NIGHTSHIFT_TAG": name, **settings})
    stack = DockerStack(folder, name)
    try:
        started = stack.nightshift("up", "--docker", "--workers", str(workers), seconds=UP_SECONDS)
        assert started.returncode == 0, started.stdout + started.stderr
        yield stack
    finally:
        stack.nightshift("down", "--docker", "--volumes", seconds=300)
        docker_engine.docker("image", "rm", "--force", f"nightshift:{name}", check=False)


def copy_checkout(folder: Path) -> None:
    """Copy what git knows of this checkout, changes and new files included; the environment is shared."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    (folder / ".venv").symlink_to(ROOT / ".venv")


def _environ() -> Mapping[str, str]:
    left_out = ("NIGHTSHIFT_", "COMPOSE_", "AIRFLOW_", "MLFLOW_", "AWS_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
