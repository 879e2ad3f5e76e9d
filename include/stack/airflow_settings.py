"""Turn `airflow_settings.yaml` (the Astro CLI's format) into what a plain Airflow reads.

Connections and variables become environment variables, so that no secret lands in Airflow's database; pools have no
other place than the database (see `prepare_database`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.config.connections import SETTINGS_FILE, VARIABLE_PREFIX, ConnectionFields, settings_connections
from include.config.errors import SettingsError


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
