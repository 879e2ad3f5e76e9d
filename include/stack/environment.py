"""Make the environment of every process of a stack: Airflow's configuration, and where our own things are.

Where a stack lives (database, folders, ports, secrets) is forced, so that another Airflow's variables in the user's
shell can never make ours work on that one's database. How fast it turns may be set by the user: those come from
`TUNING` only when absent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from include.config.namespaces import VARIABLE as NAMESPACE_VARIABLE
from include.config.settings import Settings
from include.stack.airflow_settings import AirflowSettings
from include.stack.credentials import ADMIN, Credentials
from include.stack.ports import LOOPBACK

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
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
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


def database_file(home: Path) -> Path:
    """Return Airflow's SQLite file."""
    return home / "airflow" / "airflow.db"


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
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
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
                    "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                    "kwargs": {},
                }
            ]
        ),
    }
