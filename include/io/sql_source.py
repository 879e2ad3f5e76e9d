"""Read one day of raw data from a SQL warehouse, by the query the project declares and without any right to write.

The query's parameter `:date` is bound as ISO text ("2013-04-01"), on every database. A warehouse whose column has the
type DATE writes `CAST(:date AS DATE)` on PostgreSQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from include.config.errors import ConnectionMissingError, SettingsError, SourceDataError, SourceUnavailableError
from include.config.project import Project, SqlSource

if TYPE_CHECKING:
    from pydantic import SecretStr

SQLITE_TIMEOUT_SECONDS = 60
# sqlite3 gives OperationalError for a wrong query too; these are the ones that may pass by themselves
_SQLITE_PASSING = ("locked", "busy", "unable to open", "disk i/o")


def read_rows(project: Project, source: SqlSource, day: date, connections: Mapping[str, SecretStr]) -> pd.DataFrame:
    """Return what the declared query selects for `day`.

    Raises:
        ConnectionMissingError: No connection has the declared name.
        SettingsError: The connection's URL is not one SQLAlchemy can use.
        SourceUnavailableError: The warehouse does not answer, or is locked.
        SourceDataError: The warehouse refuses the query, or no row has this day.
    """
    where = f"{project.name}/{day}: connection '{source.connection}'"
    url = connection_url(source.connection, connections)
    address = url.render_as_string(hide_password=True)
    engine = _open(url)
    try:
        with _connect(engine, where, address) as connection:
            frame = _select(connection, source.query, day, where, address)
    finally:
        engine.dispose()
    if frame.empty:
        raise SourceDataError(
            where,
            "the query selects no rows for this day",
            got=f"0 rows from {address}",
            allowed=["at least 1 row"],
            hint="the warehouse has not been loaded for this day yet",
        )
    return frame


def connection_url(name: str, connections: Mapping[str, SecretStr]) -> URL:
    """Return the SQLAlchemy URL of a connection.

    Raises:
        ConnectionMissingError: No connection has this name.
        SettingsError: Its URL is not one SQLAlchemy can use.
    """
    if name not in connections:
        raise ConnectionMissingError(
            f"connection '{name}'",
            "is configured nowhere",
            got="no such connection",
            allowed=sorted(connections),
            hint=f"declare it in airflow_settings.yaml or set AIRFLOW_CONN_{name.upper()}",
        )
    try:
        url = make_url(connections[name].get_secret_value())
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        # the URL may hold a password: it is not shown
        raise SettingsError(
            f"connection '{name}'",
            "its URL is not one SQLAlchemy can use here",
            got=type(error).__name__,
            allowed=("sqlite:////folder/file.db", "postgresql+psycopg://user:password@host:5432/database"),
        ) from None
    return url


def _open(url: URL) -> Engine:
    """Return an engine that may only read.

    SQLite would make a missing file, which then looks like an empty warehouse: `mode=ro` does not.
    """
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    uri = f"{Path(url.database or '').absolute().as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=SQLITE_TIMEOUT_SECONDS)

    return create_engine(url, creator=connect, poolclass=NullPool)


def _connect(engine: Engine, where: str, address: str) -> Connection:
    try:
        connection = engine.connect()
    except (DBAPIError, OSError) as error:
        raise _unavailable(where, address, error) from error
    if engine.dialect.name == "postgresql":
        return connection.execution_options(postgresql_readonly=True)
    return connection


def _select(connection: Connection, query: str, day: date, where: str, address: str) -> pd.DataFrame:
    try:
        found = connection.execute(text(query), {"date": day.isoformat()})
        # a decimal column becomes numbers, as any other
        return pd.DataFrame.from_records(found.fetchall(), columns=list(found.keys()), coerce_float=True)
    except OperationalError as error:
        if _may_pass(connection, error):
            raise _unavailable(where, address, error) from error
        raise _refused(where, address, error) from error
    except SQLAlchemyError as error:
        raise _refused(where, address, error) from error


def _may_pass(connection: Connection, error: OperationalError) -> bool:
    if connection.dialect.name != "sqlite":
        return True
    return any(sign in str(error.orig).lower() for sign in _SQLITE_PASSING)


def _unavailable(where: str, address: str, error: Exception) -> SourceUnavailableError:
    return SourceUnavailableError(
        where,
        "the warehouse does not answer",
        got=f"{address}: {_first_line(error)}",
        hint="is it running, and is the connection's address right?",
    )


def _refused(where: str, address: str, error: Exception) -> SourceDataError:
    return SourceDataError(
        where,
        "the warehouse refuses the query",
        got=f"{address}: {_first_line(error)}",
        hint="compare source.query in project.yaml with the warehouse's tables; the query may only read",
    )


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause).strip() else ''}"
