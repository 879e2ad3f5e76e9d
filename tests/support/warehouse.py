"""Make a warehouse with two users on a PostgreSQL server: one owns the tables, the other may only read them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy import URL, create_engine, text
from sqlalchemy.pool import NullPool


@dataclass(frozen=True)
class Warehouse:
    """Hold the addresses of one database: as the server's administrator, as its owner and as its reader."""

    admin: URL
    owner: URL
    reader: URL

    def connections(self) -> dict[str, SecretStr]:
        """Return what the feed is given: the owner beside the pipeline's own connection."""
        return {"telco_warehouse_owner": secret(self.owner), "telco_warehouse": secret(self.reader)}


def make_warehouse(server: URL, name: str) -> Warehouse:
    """Create database `name` with the users `<name>_owner` and `<name>-reader`; a user's name may need quotes."""
    owner, reader = (
        server.set(username=user, password=secrets.token_urlsafe(12), database=name)
        for user in (f"{name}_owner", f"{name}-reader")
    )
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for user in (owner, reader):
            connection.execute(text(f"CREATE USER \"{user.username}\" PASSWORD '{user.password}'"))
        connection.execute(text(f'CREATE DATABASE {name} OWNER "{owner.username}"'))
    engine.dispose()
    return Warehouse(server.set(database=name), owner, reader)


def execute(url: URL, statement: str) -> list[tuple[object, ...]]:
    """Run one statement as `url`'s user and return its rows."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            found = connection.execute(text(statement))
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        engine.dispose()


def secret(url: URL) -> SecretStr:
    """Return a URL with its password, as connections are handed over."""
    return SecretStr(url.render_as_string(hide_password=False))
