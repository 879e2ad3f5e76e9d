"""Remember which processes make up the running stack of a home, so that any later command finds or ends them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from include.config.errors import SettingsError
from include.config.settings import Settings
from include.stack.credentials import make_home, write_private
from include.stack.processes import Component, ProcessId

FILE = "stack.json"
LOCK = "stack.lock"


class StackState(BaseModel):
    """Describe a running stack.

    Attributes:
        stack_id: Marks every process of the stack, through its environment.
        mode: `run` is stopped by its owner when the night is over; `up` stays.
        owner: The command that holds a `run` stack.
        ports: Port by name: "airflow_port", ...
        store_url: The object store that the tasks use.
        tracking_url: MLflow's address that the tasks use.
        store_environment: How to reach that store (an own S3 server has credentials of its own); secret.
        deployed: This process is in a container of the docker stack, whose other containers are not ours to look after.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack_id: str
    mode: Literal["run", "up"]
    owner: ProcessId | None
    started_at: datetime
    ports: dict[str, int]
    store_url: str
    tracking_url: str
    store_environment: dict[str, SecretStr] = {}
    components: tuple[Component, ...] = ()
    deployed: bool = False

    @field_serializer("store_environment", when_used="json")
    def _reveal(self, _: dict[str, SecretStr]) -> dict[str, str]:
        # the file is readable by its owner alone
        return self.secret_environment()

    @property
    def airflow_url(self) -> str:
        """Return the address of the Airflow UI and REST API."""
        return f"http://127.0.0.1:{self.ports['airflow_port']}"

    @property
    def mlflow_url(self) -> str:
        """Return the address of the MLflow UI, or an empty string when none was started."""
        port = self.ports.get("mlflow_port")
        return f"http://127.0.0.1:{port}" if port else ""

    def secret_environment(self) -> dict[str, str]:
        """Return the variables by which boto3 reaches the stack's own S3 server; none without one."""
        return {name: secret.get_secret_value() for name, secret in self.store_environment.items()}

    def alive(self) -> bool:
        """Tell whether every component still runs, and for a `run` stack the command that owns it."""
        if self.deployed:
            return True
        owned = self.mode == "up" or (self.owner is not None and self.owner.process() is not None)
        return owned and bool(self.components) and all(component.alive() for component in self.components)


def read_state(home: Path) -> StackState | None:
    """Return what the state file says, or None when there is none (or it is not readable as one).

    In a container of the docker stack it is that stack.
    """
    if deployed():
        return _deployed_state()
    path = home / FILE
    try:
        return StackState.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


def deployed() -> bool:
    """Tell whether this process is in a container of a stack that something else starts and stops."""
    return bool(os.environ.get("NIGHTSHIFT_DEPLOYED"))


def refuse_inside() -> None:
    """Refuse to start or stop anything from within a container.

    Raises:
        SettingsError: This is a container of the docker stack.
    """
    if deployed():
        raise SettingsError(
            "this container", "it is part of the docker stack", hint="use ./nightshift on the machine of the engine"
        )


def _deployed_state() -> StackState:
    # a stack serves all namespaces; what is asked for in one is looked for there by whoever asks
    settings = Settings.from_environment().in_namespace("")
    return StackState(
        stack_id="",
        mode="up",
        owner=None,
        started_at=datetime.fromtimestamp(psutil.Process(1).create_time(), UTC),
        ports={"airflow_port": settings.airflow_port},
        store_url=settings.store_url,
        tracking_url=settings.tracking_url,
        deployed=True,
    )


def write_state(home: Path, state: StackState) -> None:
    """Replace the state file; it is readable by its owner alone."""
    write_private(home / FILE, state.model_dump_json(indent=2))


def forget_state(home: Path) -> None:
    """Remove the state file: nothing runs any more."""
    (home / FILE).unlink(missing_ok=True)


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the home while its stack starts, stops, or belongs to one `run`.

    Raises:
        SettingsError: Another command holds it.
    """
    make_home(home)
    with (home / LOCK).open("a") as held:
        try:
            # freed by the kernel when this process ends, however it ends
            fcntl.flock(held.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(
                str(home),
                "another ./nightshift command is starting, stopping or using the stack of this home",
                hint="wait for it, or set NIGHTSHIFT_HOME to a folder of its own",
            ) from error
        yield
