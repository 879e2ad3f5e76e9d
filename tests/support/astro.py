"""Be the Astro CLI where it reads `airflow_settings.yaml`: its schema, and what it makes of an entry.

From github.com/astronomer/astro-cli, v1.45.0: settings/types.go (the structs), settings/settings.go (AddPools,
AddConnections, connectionToAPIObject). The CLI reads with viper, which ignores an unknown key without a word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

VERSION = "1.45.0"
# Go's type of each key: what viper cannot turn into it ends the reading of the whole file
SCHEMA: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "connections": {
        "conn_id": str,
        "conn_type": str,
        "conn_host": str,
        "conn_schema": str,
        "conn_login": str,
        "conn_password": str,
        "conn_port": int,
        "conn_uri": str,
        "conn_extra": (str, dict),
    },
    "pools": {"pool_name": str, "pool_slot": int, "pool_description": str},
    "variables": {"variable_name": str, "variable_value": str},
}
# the connection's key in the file -> the field of Airflow's REST API
FIELDS = {
    "conn_type": "conn_type",
    "conn_host": "host",
    "conn_login": "login",
    "conn_password": "password",
    "conn_schema": "schema",
    "conn_port": "port",
}


def problems(settings: Any) -> list[str]:
    """Return what the CLI would not read, or would read as something else, in the content of a settings file."""
    if not isinstance(settings, dict) or list(settings) != ["airflow"]:
        return ["the one key at the top is 'airflow'"]
    found = [f"airflow.{name}: no such list" for name in settings["airflow"] if name not in SCHEMA]
    for name, keys in SCHEMA.items():
        for number, entry in enumerate(settings["airflow"].get(name) or []):
            where = f"airflow.{name}[{number}]"
            found += [f"{where}.{key}: no such key" for key in entry if key not in keys]
            found += [
                f"{where}.{key}: {type(value).__name__}"
                for key, value in entry.items()
                if key in keys and value is not None and not _fits(value, keys[key])
            ]
    return found


def _fits(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def connections(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the bodies that the CLI posts to Airflow's /connections."""
    entries = settings["airflow"].get("connections") or []
    return [
        _connection(entry)
        for entry in entries
        if entry.get("conn_id") and (entry.get("conn_type") or entry.get("conn_uri"))
    ]


def _connection(entry: Mapping[str, Any]) -> dict[str, Any]:
    posted = {"connection_id": entry["conn_id"]}
    posted |= {field: entry[key] for key, field in FIELDS.items() if entry.get(key)}
    extra = entry.get("conn_extra")
    if extra:
        posted["extra"] = extra if isinstance(extra, str) else json.dumps(extra)
    return posted


def pools(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the bodies that the CLI posts to Airflow's /pools; one without slots is skipped."""
    return [
        {
            "name": entry["pool_name"],
            "slots": entry["pool_slot"],
            "description": entry.get("pool_description", ""),
            "include_deferred": False,
        }
        for entry in settings["airflow"].get("pools") or []
        if entry.get("pool_name") and entry.get("pool_slot")
    ]
