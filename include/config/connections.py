"""Turn Airflow-style connections into SQLAlchemy URLs, wherever they are configured.

`airflow_settings.yaml` (the Astro CLI's format) is the one place for connections, pools and variables;
`AIRFLOW_CONN_<ID>` in the environment, as JSON or URI, wins over it. Inside tasks Airflow itself looks a connection up
(see `include/orchestration/stage_call.py`); the command line and the tests look here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from include.config.settings import Settings
from include.domain.errors import SettingsError

SETTINGS_FILE = "airflow_settings.yaml"
VARIABLE_PREFIX = "AIRFLOW_CONN_"
# Airflow's connection type -> SQLAlchemy's dialect and driver
DIALECTS: Mapping[str, str] = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}


class ConnectionFields(BaseModel):
    """Hold what Airflow knows of a connection."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    conn_type: str
    host: str | None = None
    login: str | None = None
    password: SecretStr | None = None
    port: int | None = None
    database: str | None = Field(default=None, alias="schema")
    extra: dict[str, Any] = {}

    def as_airflow_json(self) -> str:
        """Return the value of an `AIRFLOW_CONN_<ID>` variable; it holds the password."""
        fields = self.model_dump(by_alias=True, exclude_none=True, exclude={"password"})
        if self.password is not None:
            fields["password"] = self.password.get_secret_value()
        return json.dumps(fields, sort_keys=True)


def declared_connections(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, SecretStr]:
    """Return the SQLAlchemy URL of every database connection that is configured, by connection id.

    Raises:
        SettingsError: The settings file or a variable cannot be read as connections.
    """
    env = os.environ if environ is None else environ
    found = settings_connections(settings.root / SETTINGS_FILE)
    for name, value in env.items():
        if name.startswith(VARIABLE_PREFIX) and value:
            found[name.removeprefix(VARIABLE_PREFIX).lower()] = parse_connection(value, f"variable {name}")
    return {
        name: sqlalchemy_url(name, fields, settings.home)
        for name, fields in sorted(found.items())
        if fields.conn_type in DIALECTS
    }


def settings_connections(path: Path) -> dict[str, ConnectionFields]:
    """Return the connections of an `airflow_settings.yaml`, by id; none when there is no such file.

    Raises:
        SettingsError: The file is not in Astro's format.
    """
    if not path.is_file():
        return {}
    try:
        declared = (yaml.safe_load(path.read_text(encoding="utf-8")) or {})["airflow"].get("connections") or []
        # Astro's template holds one entry without an id
        return {entry["conn_id"]: _from_astro(entry) for entry in declared if entry.get("conn_id")}
    except (yaml.YAMLError, ValidationError, KeyError, TypeError, AttributeError, ValueError) as error:
        # the file may hold passwords: its content is not shown
        raise SettingsError(path.name, "not in Astro's format", got=type(error).__name__) from None


def parse_connection(value: str, where: str) -> ConnectionFields:
    """Return the connection that an `AIRFLOW_CONN_<ID>` value describes, as JSON or URI.

    Raises:
        SettingsError: It is neither; the value itself is not shown, for it may hold a password.
    """
    try:
        if value.lstrip().startswith("{"):
            fields = json.loads(value)
            fields["extra"] = _mapping(fields.get("extra"))
            return ConnectionFields.model_validate(fields)
        return _from_uri(value)
    except (ValidationError, ValueError, TypeError) as error:
        raise SettingsError(
            where, "not a connection", got=type(error).__name__, allowed=("an Airflow connection as JSON", "or as URI")
        ) from None


def sqlalchemy_url(name: str, fields: ConnectionFields, home: Path) -> SecretStr:
    """Return the SQLAlchemy URL of a connection.

    SQLite's file is the connection's host; a relative one is looked for under `home`, so that checkouts never meet.

    Raises:
        SettingsError: The connection is of a type no project can read from, or its file or host is missing.
    """
    where = f"connection '{name}'"
    if fields.conn_type not in DIALECTS:
        raise SettingsError(where, "no SQL source of this type", got=repr(fields.conn_type), allowed=tuple(DIALECTS))
    if not fields.host:
        raise SettingsError(where, "the host is missing", hint="for sqlite it is the path of the file")
    if fields.conn_type == "sqlite":
        return SecretStr(f"sqlite:///{home / fields.host}")
    user = "" if fields.login is None else quote(fields.login, safe="")
    if fields.password is not None:
        user += ":" + quote(fields.password.get_secret_value(), safe="")
    port = f":{fields.port}" if fields.port else ""
    address = f"{user}@{fields.host}{port}" if user else f"{fields.host}{port}"
    query = urlencode({key: value for key, value in fields.extra.items() if isinstance(value, str | int)})
    database = quote(fields.database or "", safe="") + (f"?{query}" if query else "")
    return SecretStr(f"{DIALECTS[fields.conn_type]}://{address}/{database}")


def _from_astro(entry: Mapping[str, Any]) -> ConnectionFields:
    if entry.get("conn_uri"):
        return _from_uri(str(entry["conn_uri"]))
    given = {key.removeprefix("conn_"): value for key, value in entry.items() if value not in (None, "")}
    return ConnectionFields.model_validate({**given, "conn_type": given["type"], "extra": _mapping(given.get("extra"))})


def _from_uri(uri: str) -> ConnectionFields:
    parts = urlsplit(uri)
    if not parts.scheme:
        raise ValueError("a URI needs a scheme")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = _mapping(query.pop("__extra__", None)) or query
    # Airflow writes "-" for "_" in a URI's scheme, and a quoted path as host for sqlite
    return ConnectionFields.model_validate(
        {
            "conn_type": parts.scheme.replace("-", "_"),
            "host": _host(parts.netloc),
            "login": unquote(parts.username) if parts.username is not None else None,
            "password": unquote(parts.password) if parts.password is not None else None,
            "port": parts.port,
            "schema": unquote(parts.path.lstrip("/")) or None,
            "extra": extra,
        }
    )


def _host(netloc: str) -> str | None:
    # urlsplit's hostname is lower-cased, which a file's path must not be
    host = netloc.rpartition("@")[2]
    name, colon, port = host.rpartition(":")
    return unquote(name if colon and port.isdigit() else host) or None


def _mapping(value: object) -> dict[str, Any]:
    if not value:
        return {}
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise ValueError("extra is a mapping")
    return found
