"""Prepare the state directory of a stack, remember which processes run in it, and find or end them again."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from include.config.credentials import Credentials, load_credentials, make_home, write_password_file, write_private
from include.config.settings import DATABASE_STAMP, Settings, database_file
from include.domain.errors import SettingsError, StackError
from include.io import processes
from include.io.processes import STACK_VARIABLE, Component, Job, ProcessId
from include.stack import preload
from include.stack.environment import (
    AirflowSettings,
    airflow_environment,
    component_logs,
    password_file,
    read_airflow_settings,
)

RESTORE_FILE = "restore.json"
# of the docker stack that belongs to the checkout
DOCKER_FILE = "restore-docker.json"


class RestoreMark(BaseModel):
    """Say which backup is being restored, and how far it is.

    Attributes:
        backup_id: As the backup's contents say.
        file: Where the backup was.
        turn: `writing` until all of it is there; then only views remain to be set right.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backup_id: str
    file: str
    turn: Literal["writing", "reconciling"] = "writing"


def begun_with(file: Path, backup_id: str) -> RestoreMark | None:
    """Return the mark of this backup's restore that was interrupted, or None when none was.

    Raises:
        SettingsError: The restore of another file was interrupted, or the mark was changed by hand.
    """
    mark = read_mark(file)
    if mark is not None and mark.backup_id != backup_id:
        raise SettingsError(
            str(file.parent),
            "the restore of another file was interrupted here",
            got=mark.file,
            hint="go on with that one",
        )
    return mark


def start_mark(file: Path, backup_id: str, backup: Path) -> RestoreMark:
    """Write down that a restore begins, before the first byte of it is written."""
    mark = RestoreMark(backup_id=backup_id, file=str(backup))
    set_mark(file, mark)
    return mark


def read_mark(file: Path) -> RestoreMark | None:
    """Return the mark of a restore that has begun and not ended, or None.

    Raises:
        SettingsError: The file is no such mark.
    """
    try:
        return RestoreMark.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise SettingsError(str(file), "it was changed by hand", hint="begin again in a new home") from error


def set_mark(file: Path, mark: RestoreMark) -> None:
    """Write down how far a restore is."""
    write_private(file, mark.model_dump_json(indent=2))


def clear_mark(file: Path) -> None:
    """Forget the restore: it is complete."""
    file.unlink(missing_ok=True)


def refuse_half_restored(home: Path, *, docker: bool = False) -> None:
    """Refuse to work in a home, or on the docker stack of a checkout, whose restore was interrupted.

    Raises:
        SettingsError: With the command that goes on with it.
    """
    mark = read_mark(home / (DOCKER_FILE if docker else RESTORE_FILE))
    if mark is not None:
        option = "--docker " if docker else ""
        raise SettingsError(
            "the docker stack" if docker else str(home),
            "a restore was interrupted here",
            hint=f"go on with it: ./nightshift restore {option}{mark.file}",
        )


def prepare_home(
    settings: Settings, credentials: Credentials, declared: AirflowSettings, environ: Mapping[str, str]
) -> bool:
    """Write Airflow's files of this home; make or upgrade its database when it or Airflow is new.

    Returns:
        Whether the database was touched.

    Raises:
        StackError: It could not be made; with the last lines of the log.
        SettingsError: A restore was interrupted here.
    """
    home = settings.home
    refuse_half_restored(home)
    config = home / "airflow" / "config"
    config.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(preload.__file__), config / "airflow_local_settings.py")
    write_password_file(password_file(home), credentials)
    pools = [pool.model_dump() for pool in declared.pools]
    stamp = home / "airflow" / DATABASE_STAMP
    wanted = json.dumps({"airflow": version("apache-airflow"), "pools": pools}, sort_keys=True)
    if database_file(home).is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    command = processes.python_module("include.stack.prepare", "airflow", json.dumps(pools))
    Job("prepare-database", command, environ=environ, cwd=settings.root, logs=component_logs(home)).wait()
    stamp.write_text(wanted, encoding="utf-8")
    return True


def with_object_server(settings: Settings) -> Settings:
    """Return the settings for objects in an own S3 server; its champions are others, so MLflow's database is, too.

    Raises:
        SettingsError: The user named another store.
    """
    if os.environ.get("NIGHTSHIFT_STORE_URL"):
        raise SettingsError(
            "NIGHTSHIFT_STORE_URL",
            "--s3 starts a store of its own",
            got=os.environ["NIGHTSHIFT_STORE_URL"],
            hint="leave out --s3, or unset the variable",
        )
    tracking_url = settings.in_namespace("").tracking_url
    if not os.environ.get("NIGHTSHIFT_TRACKING_URL"):
        tracking_url = f"sqlite:///{settings.home / 's3' / 'mlflow.db'}"
    return settings.at("s3://nightshift", tracking_url)


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


# they have written what they have to; Python's own teardown, and triggers that do not exist, take 10 s more
ENDED_AT_ONCE = frozenset({"api-server", "dag-processor", "triggerer", "mlflow"})


def stop_stack(home: Path, state: StackState) -> None:
    """End every process of the stack that `state` describes, and forget it."""
    processes.end(state.stack_id, state.components, at_once=ENDED_AT_ONCE)
    forget_state(home)


def check_alive(state: StackState) -> None:
    """Refuse to go on with a stack of which a component has died.

    Raises:
        StackError: With the last lines of its log.
    """
    for component in state.components:
        if not component.alive():
            words = processes.last_lines(component.log)
            raise StackError(
                component.name,
                "the program ended by itself; its last words",
                got=f"\n{words}\n",
                hint=f"read {component.log}",
            )


def running_stack(home: Path) -> StackState | None:
    """Return the stack of this home that works, after ending what a killed command left behind.

    A `run` stack whose owner is gone, or a stack with a dead component, is no stack: its processes are ended.
    """
    state = read_state(home)
    if state is None:
        return None
    if state.alive():
        return state
    stop_stack(home, state)
    return None


def command_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for an `airflow` command on this home, whose database is made when there is none.

    With a running stack it is that stack's: its port, its store. In a container it is the container's own, with the
    connections and variables of `airflow_settings.yaml` that it does not set.
    """
    if deployed():
        return {**read_airflow_settings(settings.root).environment(), **os.environ}
    state = running_stack(settings.home)
    credentials, declared = load_credentials(settings.home), read_airflow_settings(settings.root)
    port = settings.airflow_port
    if state is not None:
        settings = settings.at(state.store_url, state.tracking_url)
        port = state.ports["airflow_port"]
    env = airflow_environment(settings, credentials, declared, airflow_port=port)
    env.update(state.secret_environment() if state is not None else {})
    prepare_home(settings, credentials, declared, env)
    return env


def stack_job(settings: Settings, state: StackState, name: str, module: str, *arguments: str) -> Job:
    """Start one of our own modules with the environment of a running stack."""
    environ = {**command_environment(settings), STACK_VARIABLE: state.stack_id}
    command = processes.python_module(module, *arguments)
    return Job(name, command, environ=environ, cwd=settings.root, logs=component_logs(settings.home))
