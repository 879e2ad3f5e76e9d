from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.config.credentials import Credentials, load_credentials
from include.config.settings import Settings
from include.stack.environment import TUNING, AirflowSettings, airflow_environment, read_airflow_settings

FOREIGN = {
    "PATH": "/usr/bin",
    "AIRFLOW_HOME": "/production",
    "AIRFLOW_CONFIG": "/production/airflow.cfg",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__PARALLELISM": "7",
    "PYTHONDONTWRITEBYTECODE": "1",
    "NIGHTSHIFT_PRELOAD": "1",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"NIGHTSHIFT_HOME": str(tmp_path)})


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return load_credentials(tmp_path)


@pytest.fixture
def environ(settings: Settings, credentials: Credentials) -> dict[str, str]:
    return airflow_environment(settings, credentials, AirflowSettings(), airflow_port=12345, base=FOREIGN)


def test_another_airflow_in_the_shell_is_never_touched(environ: dict[str, str], tmp_path: Path) -> None:
    assert environ["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow/airflow.db?timeout=60"
    assert environ["AIRFLOW__CORE__EXECUTOR"].endswith(".RestingExecutor")
    assert "production" not in json.dumps(environ)


def test_the_speed_may_be_chosen_and_has_defaults(environ: dict[str, str]) -> None:
    assert environ["AIRFLOW__CORE__PARALLELISM"] == "7"
    assert environ["AIRFLOW__WORKERS__EXECUTION_API_RETRIES"] == TUNING["AIRFLOW__WORKERS__EXECUTION_API_RETRIES"]


def test_only_the_scheduler_is_told_to_preload_and_bytecode_is_written(environ: dict[str, str]) -> None:
    assert "NIGHTSHIFT_PRELOAD" not in environ
    assert "PYTHONDONTWRITEBYTECODE" not in environ


def test_every_address_is_on_loopback_at_the_given_port(environ: dict[str, str]) -> None:
    assert environ["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environ["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:12345"
    assert environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:12345/execution/"


def test_stages_in_tasks_read_the_same_settings(environ: dict[str, str], settings: Settings) -> None:
    inside = Settings.from_environment(environ)
    for name in ("home", "projects_dir", "store_url", "tracking_url", "root"):
        assert getattr(inside, name) == getattr(settings, name)


def test_the_checkouts_connections_reach_airflow_and_the_users_win(
    settings: Settings, credentials: Credentials
) -> None:
    declared = read_airflow_settings(settings.root)
    base = {"AIRFLOW_CONN_TELCO_WAREHOUSE": "postgres://me@host/db"}
    ours = airflow_environment(settings, credentials, declared, airflow_port=1, base={})
    theirs = airflow_environment(settings, credentials, declared, airflow_port=1, base=base)
    assert json.loads(ours["AIRFLOW_CONN_TELCO_WAREHOUSE"])["conn_type"] == "sqlite"
    assert theirs["AIRFLOW_CONN_TELCO_WAREHOUSE"] == base["AIRFLOW_CONN_TELCO_WAREHOUSE"]


def test_credentials_are_made_once_private_and_long_enough(tmp_path: Path) -> None:
    first, second = load_credentials(tmp_path), load_credentials(tmp_path)
    assert first == second
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert len(first.jwt_secret.get_secret_value()) >= 64
    assert first.admin_password.get_secret_value() not in repr(first)


def test_two_homes_have_different_credentials(tmp_path: Path) -> None:
    one, other = load_credentials(tmp_path / "one"), load_credentials(tmp_path / "other")
    assert one.admin_password != other.admin_password


def test_the_fernet_key_is_one(credentials: Credentials) -> None:
    from cryptography.fernet import Fernet

    box = Fernet(credentials.fernet_key.get_secret_value())
    assert box.decrypt(box.encrypt(b"secret")) == b"secret"
