"""Prepare a home: Airflow's database, files and settings, whoever needs them first."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from include.config.errors import SettingsError
from include.config.settings import Settings
from include.stack import preload, processes
from include.stack.airflow_settings import AirflowSettings
from include.stack.credentials import Credentials, write_password_file
from include.stack.environment import component_logs, database_file, password_file
from include.stack.processes import Job
from include.stack.restore_mark import refuse_half_restored

DATABASE_STAMP = "database.stamp"


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
    command = processes.python_module("include.stack.prepare_database", json.dumps(pools))
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
