"""Look a project's connection up the Airflow way: secrets backend, environment, then the metadata database."""

from __future__ import annotations

from pydantic import SecretStr

from include.config.connections import ConnectionFields, sqlalchemy_url
from include.config.errors import ConnectionMissingError
from include.config.project import Project, SqlSource
from include.config.settings import Settings


def source_connections(project: Project, settings: Settings) -> dict[str, SecretStr]:
    """Return the SQLAlchemy URL of the connection that the project's source names; nothing for a source of files.

    The URL never leaves the task's process: it is no part of a receipt, and Airflow masks it in the log.

    Raises:
        ConnectionMissingError: Airflow knows no connection of that name.
        SettingsError: It is not of a type that can be read from.
    """
    if not isinstance(project.source, SqlSource):
        return {}
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from airflow.sdk.log import mask_secret

    name = project.source.connection
    try:
        found = Connection.get(name)
    except AirflowNotFoundException as error:
        raise ConnectionMissingError(
            f"{project.name}/project.yaml: source.connection",
            "Airflow knows no such connection",
            got=repr(name),
            hint=f"declare it in airflow_settings.yaml, in Airflow's UI, or as AIRFLOW_CONN_{name.upper()}",
        ) from error
    fields = ConnectionFields.model_validate(
        {
            "conn_type": found.conn_type,
            "host": found.host,
            "login": found.login,
            "password": found.password,
            "port": found.port,
            "schema": found.schema,
            "extra": found.extra_dejson,
        }
    )
    url = sqlalchemy_url(name, fields, settings.home)
    if fields.password is not None:
        mask_secret(url.get_secret_value())
    return {name: url}
