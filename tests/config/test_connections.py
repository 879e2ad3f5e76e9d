"""Turn connections into SQLAlchemy URLs, from every place and in every form they are written in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import make_url

from include.config.connections import (
    ConnectionFields,
    declared_connections,
    parse_connection,
    settings_connections,
    sqlalchemy_url,
)
from include.config.settings import ROOT, Settings
from include.domain.errors import SettingsError

HOME = Path("/var/nightshift")


def url(text: str) -> str:
    """Return the SQLAlchemy URL of an `AIRFLOW_CONN_<ID>` value."""
    return sqlalchemy_url("warehouse", parse_connection(text, "x"), HOME).get_secret_value()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"conn_type": "sqlite", "host": "warehouse/telco.db"}', "sqlite:////var/nightshift/warehouse/telco.db"),
        ('{"conn_type": "sqlite", "host": "/data/Telco.db"}', "sqlite:////data/Telco.db"),
        ("sqlite://warehouse%2FTelco.db", "sqlite:////var/nightshift/warehouse/Telco.db"),
        ("sqlite://%2Fdata%2FTelco.db", "sqlite:////data/Telco.db"),
        (
            "postgres://ann:s%40cret%2F@db.example.org:5433/sales?sslmode=require",
            "postgresql+psycopg://ann:s%40cret%2F@db.example.org:5433/sales?sslmode=require",
        ),
        ("postgresql://db/sales", "postgresql+psycopg://db/sales"),
        (
            '{"conn_type": "postgres", "host": "db", "login": "ann", "password": "p:w", "schema": "sales", '
            '"extra": {"sslmode": "require", "options": {"nested": "left out"}}}',
            "postgresql+psycopg://ann:p%3Aw@db/sales?sslmode=require",
        ),
        (
            '{"conn_type": "postgres", "host": "db", "extra": "{\\"sslmode\\": \\"require\\"}"}',
            "postgresql+psycopg://db/?sslmode=require",
        ),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert url(text) == expected


def test_sqlalchemy_reads_back_what_was_written() -> None:
    fields = ConnectionFields(
        conn_type="postgres", host="db", login="a@b", password="p/?#:@ w", port=5432, schema="s x"
    )
    read = make_url(sqlalchemy_url("w", fields, HOME).get_secret_value())
    assert (read.username, read.password, read.host, read.port, read.database) == ("a@b", "p/?#:@ w", "db", 5432, "s x")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"conn_type": "mysql", "host": "db"},
            "connection 'w': no SQL source of this type; got: 'mysql'; allowed: postgres, postgresql, sqlite",
        ),
        ({"conn_type": "sqlite"}, "connection 'w': the host is missing; hint: for sqlite it is the path of the file"),
    ],
)
def test_what_cannot_be_read_from(fields: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sqlalchemy_url("w", ConnectionFields.model_validate(fields), HOME)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text", ["{not json hunter2", '{"host": "hunter2"}', "hunter2", "postgres://h:hunter2/x", "[]"]
)
def test_a_value_that_is_no_connection_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_connection(text, "variable AIRFLOW_CONN_X")
    assert str(caught.value).startswith("variable AIRFLOW_CONN_X: not a connection; got: ")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__cause__)


def test_the_file_of_this_checkout_declares_the_warehouse() -> None:
    settings = Settings(home=HOME, projects_dir=HOME, store_url="file:///x", tracking_url="sqlite:///x")
    urls = declared_connections(settings, {})
    assert {name: secret.get_secret_value() for name, secret in urls.items()} == {
        "telco_warehouse": "sqlite:////var/nightshift/warehouse/telco.db"
    }
    assert "telco.db" not in repr(urls)


def test_the_environment_wins_and_adds(home: Path) -> None:
    settings = Settings.from_environment()
    urls = declared_connections(
        settings,
        {
            "AIRFLOW_CONN_TELCO_WAREHOUSE": "postgres://db/telco",
            "AIRFLOW_CONN_SALES": "sqlite://sales.db",
            "AIRFLOW_CONN_SMTP_DEFAULT": "smtp://mail:25",
            "AIRFLOW_CONN_EMPTY": "",
        },
    )
    assert {name: secret.get_secret_value() for name, secret in urls.items()} == {
        "sales": f"sqlite:///{home}/sales.db",
        "telco_warehouse": "postgresql+psycopg://db/telco",
    }


def test_what_airflow_is_given_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(
        "airflow:\n  connections:\n"
        "    - conn_id: db\n      conn_type: postgres\n      conn_host: h\n      conn_login: ann\n"
        "      conn_password: secret\n      conn_schema: s\n      conn_port: 5432\n"
        "      conn_extra: {sslmode: require}\n"
        "    - conn_id: by_uri\n      conn_uri: postgres://h/s\n"
        "    - conn_id:\n      conn_type:\n"
    )
    found = settings_connections(path)
    assert set(found) == {"db", "by_uri"}
    assert "secret" not in repr(found)
    assert json.loads(found["db"].as_airflow_json()) == {
        "conn_type": "postgres",
        "host": "h",
        "login": "ann",
        "password": "secret",
        "schema": "s",
        "port": 5432,
        "extra": {"sslmode": "require"},
    }
    assert parse_connection(found["db"].as_airflow_json(), "x") == found["db"]


@pytest.mark.parametrize("text", ["airflow: [hunter2]", "hunter2", "a: b: hunter2", "airflow:\n  connections: hunter2"])
def test_a_settings_file_that_is_none_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"airflow_settings.yaml: not in Astro's format; got: \w+") as caught:
        settings_connections(path)
    assert "hunter2" not in str(caught.value)


def test_no_settings_file_is_no_connections(tmp_path: Path) -> None:
    assert settings_connections(tmp_path / "airflow_settings.yaml") == {}


def test_airflow_reads_the_same_fields() -> None:
    """What the command line reads and what a task is given must be one connection."""
    from airflow.sdk import Connection

    for text in ("sqlite://warehouse%2FTelco.db", "postgres://ann:s%40cret@db:5433/sales?sslmode=require"):
        ours = parse_connection(text, "x")
        theirs = Connection.from_uri(text, "w")
        assert (ours.conn_type, ours.host, ours.login, ours.port) == (
            theirs.conn_type,
            theirs.host,
            theirs.login,
            theirs.port,
        )
        assert (ours.database or "", ours.extra) == (theirs.schema or "", theirs.extra_dejson)


def test_the_file_is_in_the_checkout() -> None:
    assert (ROOT / "airflow_settings.yaml").is_file()
