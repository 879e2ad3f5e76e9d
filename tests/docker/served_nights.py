"""Play nights whose store is a real S3 server and whose MLflow is a real server, so that a container reaches both."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from include.config.discovery import load_project
from include.config.project import Project
from include.config.settings import Settings
from include.domain.results import Origin, PlanInputs, TrainInputs
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.stack.environment import LOOPBACK, free_ports
from include.stack.object_server import ObjectServer
from include.stages import plan
from tests.support.demo_nights import DemoNights, demo_nights

NAME = "flight_delay"
START_SECONDS = 120


@contextmanager
def mlflow_server(folder: Path, bucket: str) -> Iterator[str]:
    """Run an MLflow server on loopback that keeps its artifacts in the bucket, and yield its address."""
    [port] = free_ports(1)
    folder.mkdir()
    address = f"http://{LOOPBACK}:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", f"s3://{bucket}"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, "DO_NOT_TRACK": "1"})
    try:
        _wait_for(f"{address}/health", server)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(address, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise AssertionError("the MLflow server does not come up")


@dataclass(frozen=True)
class ServedNights:
    """Hold a project's copy whose night is played on servers.

    Attributes:
        home: Of the copy.
        demo: Plays the nights.
    """

    home: Path
    demo: DemoNights

    @property
    def settings(self) -> Settings:
        """Return where things are."""
        return Settings.from_environment()

    @property
    def project(self) -> Project:
        """Return the project as its copy declares it now."""
        return load_project(self.settings.projects_dir, NAME)

    @property
    def store(self) -> ObjectStore:
        """Return the store."""
        return open_store(self.settings.store_url)

    @property
    def ledger(self) -> Ledger:
        """Return the ledger."""
        return Ledger(self.store, NAME)

    def train_in(self, image: str, *, cpus: float = 1.5, memory_mb: int = 1024) -> None:
        """Declare the image, in place of what was declared before."""
        path = self.settings.projects_dir / NAME / "project.yaml"
        text = path.read_text().partition("\ntraining:")[0].rstrip("\n")
        limits = f"cpus: {cpus}, memory_mb: {memory_mb}"
        path.write_text(f"{text}\ntraining: {{image: '{image}', {limits}}}\n")

    def inputs(self, as_of: date, candidate: str, run_id: str) -> TrainInputs:
        """Return what the task `train` of a run gives its stage."""
        settings = self.settings
        given: dict[str, Any] = {
            "as_of": as_of,
            "store_url": settings.store_url,
            "tracking_url": settings.tracking_url,
            "origin": Origin(run_id=run_id, git_commit="abc123", lock_hash="of the worker"),
        }
        planned = plan.run(self.project, PlanInputs(**given))
        return TrainInputs(**given, candidate=candidate, plan=planned)

    def requests(self) -> list[str]:
        """Return the keys of all requests and answers that lie in the store."""
        return [one.key for one in self.store.list(f"{NAME}/models/requests/")]


@contextmanager
def served_nights(home: Path) -> Iterator[ServedNights]:
    """Set up servers, and a home with a copy of the project that uses them; containers share this machine's network."""
    with ObjectServer(home / "objects") as objects, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "MLFLOW_"))]:
            patch.delenv(name)
        for name, value in objects.environment().items():
            patch.setenv(name, value)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with mlflow_server(home / "mlflow", objects.bucket) as address, demo_nights(home, NAME) as demo:
            patch.setenv("NIGHTSHIFT_STORE_URL", f"s3://{objects.bucket}/nights")
            patch.setenv("NIGHTSHIFT_TRACKING_URL", address)
            patch.setenv("NIGHTSHIFT_TRAINING_NETWORK", "host")
            yield ServedNights(home, demo)
