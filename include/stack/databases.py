"""Copy SQLite databases while they are written, and put copies in their place."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from include.config.errors import BackupError

BUSY_SECONDS = 60
# where MLflow keeps addresses of files: they begin with the store's own
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
    ("tags", "value"),
    ("model_version_tags", "value"),
)


def snapshot(database: Path, copy: Path) -> Path | None:
    """Write a consistent copy of a database that others may be writing, and return it; None when there is none.

    SQLite's own backup, in one go: writers wait for its moment, and nothing that was committed before is missing.

    Raises:
        BackupError: It is no database, or stays locked.
    """
    if not database.is_file():
        return None
    try:
        with (
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            # the copy is one file; whoever opens the original chooses its journal again
            target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise BackupError(str(database), "the database cannot be copied", got=str(error)) from error
    return copy


def count_rows(database: Path, table: str) -> int:
    """Return how many rows a table has; 0 when there is no such database or table."""
    if not database.is_file():
        return 0
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as connection:
        if not _columns(connection, table):
            return 0
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names


def check_database(copy: Path) -> None:
    """Refuse a copy that SQLite finds fault with.

    Raises:
        BackupError: With what it says.
    """
    with closing(sqlite3.connect(copy)) as connection:
        try:
            found = str(connection.execute("PRAGMA quick_check").fetchone()[0])
        except sqlite3.Error as error:
            found = str(error)
    if found != "ok":
        raise BackupError(str(copy), "the backup's database is damaged", got=found)


def put_in_place(copy: Path, database: Path) -> None:
    """Make a copy the database; nobody may have it open. A kill leaves the old one or the new one."""
    for journal in ("-wal", "-shm", "-journal"):
        # they belong to the file that is replaced
        database.with_name(database.name + journal).unlink(missing_ok=True)
    copy.replace(database)


def move_addresses(database: Path, old: str, new: str) -> None:
    """Have MLflow's database name files by the store's new address, where it named them by the old one."""
    if old == new:
        return
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection, connection:
        # the names of tables and columns are our own
        for table, column in _ADDRESSES:
            if column in _columns(connection, table):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                    (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/"),
                )


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}
