"""Read one day of raw data from a SQL warehouse, by the query a project declares, in a transaction that may only read.

The query's parameter `:date` is bound as ISO text ("2013-04-01"), on every database. A warehouse whose column has the
type DATE writes `CAST(:date AS DATE)` on PostgreSQL.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from include.config.project import Project, SqlSource
from include.domain.errors import ConnectionMissingError, SettingsError, SourceDataError, SourceUnavailableError
from include.io.file_integrity import refuse_columns_of_one_name
from include.io.tables import as_declared, from_values

if TYPE_CHECKING:
    from pydantic import SecretStr

SQLITE_TIMEOUT_SECONDS = 60
CONNECT_SECONDS = 30
# sqlite3 gives OperationalError for a wrong query too; these are the ones that may pass by themselves
_SQLITE_PASSING = ("locked", "busy", "unable to open", "disk i/o")
# what PostgreSQL says of a user or a database it does not let in; a failed connection has no SQLSTATE to go by
_POSTGRES_REFUSALS = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|(role|database) \".*\" does not exist"
    r"|permission denied for database|is not permitted to log in"
)
_NO_PRIVILEGE = "42501"


def read_rows(project: Project, source: SqlSource, day: date, connections: Mapping[str, SecretStr]) -> pd.DataFrame:
    """Return what the declared query selects for `day`.

    Raises:
        ConnectionMissingError: No connection has the declared name.
        SettingsError: The connection's URL is not one SQLAlchemy can use, or the warehouse refuses its user.
        SourceUnavailableError: The warehouse does not answer, or is locked.
        SourceDataError: The warehouse refuses the query, it gives two columns of one name, or no row has this day.
    """
    where = f"{project.name}/{day}: connection '{source.connection}'"
    url = connection_url(source.connection, connections)
    address = shown_address(url)
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
            hint="the warehouse has not been loaded for this day yet, or source.query selects other days",
        )
    return as_declared(frame, source.types or {}, where)


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


def shown_address(url: URL) -> str:
    """Return a URL as messages show it: without the password, and without the options, which may hold one, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def with_connect_timeout(url: URL) -> URL:
    """Return a PostgreSQL URL that gives up on a host that swallows packets; a timeout of the connection's own wins."""
    if url.get_backend_name() != "postgresql" or "connect_timeout" in url.query:
        return url
    return url.update_query_dict({"connect_timeout": str(CONNECT_SECONDS)})


def refuses_login(error: DBAPIError) -> bool:
    """Tell whether PostgreSQL answered and does not let this user in, which waiting does not cure."""
    return bool(_POSTGRES_REFUSALS.search(str(error.orig)))


def _open(url: URL) -> Engine:
    """Return an engine that may only read.

    SQLite would make a missing file, which then looks like an empty warehouse: `mode=ro` does not. PostgreSQL refuses
    to write in a transaction that began as read-only.
    """
    if url.get_backend_name() == "postgresql":
        return create_engine(
            with_connect_timeout(url), poolclass=NullPool, execution_options={"postgresql_readonly": True}
        )
    if url.get_backend_name() != "sqlite":
        return create_engine(url, poolclass=NullPool)
    uri = f"{Path(url.database or '').absolute().as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=SQLITE_TIMEOUT_SECONDS)

    return create_engine(url, creator=connect, poolclass=NullPool)


def _connect(engine: Engine, where: str, address: str) -> Connection:
    try:
        return engine.connect()
    except DBAPIError as error:
        if engine.dialect.name == "postgresql" and refuses_login(error):
            raise SettingsError(
                where,
                "the warehouse refuses the connection's user",
                got=f"{address}: {_first_line(error)}",
                hint="compare login, password and schema (the database) of the connection with the warehouse's",
            ) from error
        raise _unavailable(where, address, error) from error
    except OSError as error:
        raise _unavailable(where, address, error) from error


def _select(connection: Connection, query: str, day: date, where: str, address: str) -> pd.DataFrame:
    try:
        found = connection.execute(text(query), {"date": day.isoformat()})
        refuse_columns_of_one_name(found.keys(), where)
        names, rows = list(found.keys()), found.fetchall()
    except OperationalError as error:
        if _may_pass(connection, error):
            raise _unavailable(where, address, error) from error
        raise _refused(where, address, error) from error
    except SQLAlchemyError as error:
        raise _refused(where, address, error) from error
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return from_values(dict(zip(names, columns, strict=True)), len(rows), where)


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


def _refused(where: str, address: str, error: SQLAlchemyError) -> SourceDataError:
    if getattr(getattr(error, "orig", None), "sqlstate", None) == _NO_PRIVILEGE:
        hint = "the connection's user needs SELECT on every table of source.query, and nothing more"
    else:
        hint = "compare source.query in project.yaml with the warehouse's tables; the query may only read"
    return SourceDataError(
        where,
        "the warehouse refuses the query",
        got=f"{address}: {_first_line(error)}",
        hint=hint,
    )


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause).strip() else ''}"
