"""Make the environment of every process of a stack: ports, Airflow's configuration, and where our own things are."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.config.connections import SETTINGS_FILE, VARIABLE_PREFIX, ConnectionFields, settings_connections
from include.config.credentials import ADMIN, Credentials
from include.config.settings import Settings, database_file
from include.domain.errors import SettingsError
from include.domain.names import VARIABLE as NAMESPACE_VARIABLE


class AirflowPool(BaseModel):
    """Be one pool: how many tasks may hold it at once (-1: any number)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool_name: str
    pool_slot: int = Field(ge=-1)
    pool_description: str = ""


class AirflowVariable(BaseModel):
    """Be one variable."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    variable_name: str
    variable_value: str = ""


class AirflowSettings(BaseModel):
    """Hold all connections (by id), pools and variables of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connections: dict[str, ConnectionFields] = {}
    pools: tuple[AirflowPool, ...] = ()
    variables: tuple[AirflowVariable, ...] = ()

    def environment(self) -> dict[str, str]:
        """Return the `AIRFLOW_CONN_<ID>` and `AIRFLOW_VAR_<NAME>` variables; they hold passwords."""
        connections = {
            f"{VARIABLE_PREFIX}{name.upper()}": fields.as_airflow_json() for name, fields in self.connections.items()
        }
        variables = {f"AIRFLOW_VAR_{entry.variable_name.upper()}": entry.variable_value for entry in self.variables}
        return {**connections, **variables}


def read_airflow_settings(root: Path) -> AirflowSettings:
    """Read the file of the checkout `root`; without one there is nothing to set.

    Raises:
        SettingsError: It is not valid YAML, or not in the Astro CLI's format.
    """
    path = root / SETTINGS_FILE
    if not path.is_file():
        return AirflowSettings()
    connections = settings_connections(path)
    declared = yaml.safe_load(path.read_text(encoding="utf-8"))["airflow"]
    try:
        return AirflowSettings(
            connections=connections,
            pools=tuple(AirflowPool(**entry) for entry in _filled(declared.get("pools"))),
            variables=tuple(AirflowVariable(**entry) for entry in _filled(declared.get("variables"))),
        )
    except ValidationError as error:
        # a variable may be a secret: the value is not shown
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{SETTINGS_FILE}: {error.title}.{place}", first["msg"]) from None


def _filled(entries: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Leave out what Astro's template leaves empty: keys without a value, entries without a key."""
    cleaned = [{key: value for key, value in entry.items() if value not in (None, "")} for entry in entries or []]
    return [entry for entry in cleaned if entry]


LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether nobody listens on `port` of loopback (a bind, as the server itself will do it)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now; all are held until the last one is found."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]


def choose_ports(settings: Settings, wanted: Sequence[str], *, prefer_default: bool) -> dict[str, int]:
    """Return a port for each name of `wanted` ("airflow_port", ...; names that are no setting get any free port).

    Args:
        settings: Which ports the user chose, and the defaults.
        wanted: Names of ports.
        prefer_default: Take a default port while it is free, so that the address stays the same from day to day.

    Raises:
        SettingsError: A port the user chose is in use, or is chosen for two things.
    """
    chosen = {name: int(getattr(settings, name)) for name in wanted if name in settings.ports_chosen}
    _refuse_collisions(chosen)
    spare = free_ports(len(wanted))
    ports: dict[str, int] = {}
    for name, any_free in zip(wanted, spare, strict=True):
        default = getattr(settings, name, None) if prefer_default else None
        if name in chosen:
            ports[name] = chosen[name]
        elif default and default not in chosen.values() and is_free(default):
            ports[name] = default
        else:
            ports[name] = any_free
    return ports


def _refuse_collisions(chosen: Mapping[str, int]) -> None:
    for name, port in chosen.items():
        variable = f"NIGHTSHIFT_{name.upper()}"
        if list(chosen.values()).count(port) > 1:
            raise SettingsError(variable, "two ports may not be the same", got=str(port))
        if not is_free(port):
            raise SettingsError(
                variable,
                "the port is in use",
                got=str(port),
                hint="stop what listens there, or choose another port (unset, a free one is taken)",
            )


PRELOAD_VARIABLE = "NIGHTSHIFT_PRELOAD"
TUNING: dict[str, str] = {
    "AIRFLOW__CORE__PARALLELISM": str(max(2, os.cpu_count() or 2)),
    # the default of 1 s is waited before each task: ten tasks take 11 s instead of 3
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    # the default of 5 s and 5 tries is short on a loaded machine: tasks fail before the API server answers
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "10",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
    # a task whose end is missed holds its slot so long (docs/adr/0001-one-door.md): by default 5 s
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    # what has changed is parsed at the next refresh (include/stack/watched_dags.py)
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    # one thread a process for BLAS: tasks are the parallelism
    "OPENBLAS_NUM_THREADS": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}


def password_file(home: Path) -> Path:
    """Return the file of user names and passwords of Airflow's simple auth manager."""
    return home / "airflow" / "passwords.json"


def task_logs(home: Path) -> Path:
    """Return the folder of the logs of tasks."""
    return home / "logs" / "tasks"


def component_logs(home: Path) -> Path:
    """Return the folder of the logs of the stack's own processes."""
    return home / "logs"


def airflow_environment(
    settings: Settings,
    credentials: Credentials,
    declared: AirflowSettings,
    *,
    airflow_port: int,
    base: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the whole environment for any Airflow process of this home; it is that of no namespace, and serves all.

    Args:
        settings: Where things are.
        credentials: The home's secrets.
        declared: Connections and variables of `airflow_settings.yaml`; a variable of the same name in `base` wins.
        airflow_port: Where the API server listens.
        base: The environment to build on (default: this process's).
    """
    env = dict(os.environ if base is None else base)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "AIRFLOW_CONFIG", PRELOAD_VARIABLE, NAMESPACE_VARIABLE):
        env.pop(name, None)
    for name, value in {**TUNING, **declared.environment()}.items():
        env.setdefault(name, value)
    env.update(_forced(settings.in_namespace(""), credentials, airflow_port))
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    return env


def _forced(settings: Settings, credentials: Credentials, airflow_port: int) -> dict[str, str]:
    home, url = settings.home, f"http://{LOOPBACK}:{airflow_port}"
    return {
        "NIGHTSHIFT_HOME": str(home),
        "NIGHTSHIFT_PROJECTS": str(settings.projects_dir),
        "NIGHTSHIFT_STORE_URL": settings.store_url,
        "NIGHTSHIFT_TRACKING_URL": settings.tracking_url,
        "NIGHTSHIFT_AIRFLOW_PORT": str(airflow_port),
        "PYTHONPATH": str(settings.root),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(settings.root / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "include.stack.resting_executor.RestingExecutor",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__FERNET_KEY": credentials.fernet_key.get_secret_value(),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(home)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        # several processes write one SQLite file: wait for a lock instead of failing after 5 s
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database_file(home)}?timeout=60",
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(airflow_port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": credentials.api_secret_key.get_secret_value(),
        "AIRFLOW__API_AUTH__JWT_SECRET": credentials.jwt_secret.get_secret_value(),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(task_logs(home)),
        "AIRFLOW__LOGGING__REMOTE_LOGGING": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [
                {
                    "name": "dags-folder",
                    "classpath": "include.stack.watched_dags.WatchedDagBundle",
                    "kwargs": {},
                }
            ]
        ),
    }
