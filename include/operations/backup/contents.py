"""Describe what a backup file holds: its last part, by which everything before it is found and checked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from include.config.results import Receipt

FORMAT = 1

PartKind = Literal["database", "mark", "object"]
Place = Literal["home", "docker"]


class Part(Receipt):
    """Be one thing that a backup holds.

    Attributes:
        kind: A database, a commit mark of the store, or any other object of it.
        name: The database's name, or the object's key.
        offset: Where its bytes begin in the file.
        stored: How many bytes it takes there.
        packed: Whether those are compressed by gzip.
        size: How many bytes it is.
        sha256: Of those, hexadecimal.
    """

    kind: PartKind
    name: str
    offset: int
    stored: int
    packed: bool
    size: int
    sha256: str


class Contents(Receipt):
    """Be the manifest of a backup: its last part, so that a file without it is known to be cut off.

    Attributes:
        format: Of the file.
        backup_id: Names this backup; a restore that was interrupted goes on only with the same one.
        place: Whose databases they are: SQLite files of a home, or dumps of the docker stack's PostgreSQL.
        commit: Nightshift's.
        versions: Of Airflow and MLflow, by name.
        store_url: Where the objects were.
        projects: What has a ledger, by the part of the key before it.
        ledger_entries: Of all projects together.
        notes: What was left out, and why.
    """

    format: Literal[1]
    backup_id: str
    made_at: datetime
    place: Place
    commit: str
    versions: dict[str, str]
    store_url: str
    projects: tuple[str, ...]
    ledger_entries: int
    notes: tuple[str, ...]
    parts: tuple[Part, ...]

    def of_kind(self, *kinds: PartKind) -> list[Part]:
        """Return the parts of some kinds, in the order of the file."""
        return [part for part in self.parts if part.kind in kinds]

    def database(self, name: str) -> Part | None:
        """Return a database's part, or None when the backup holds none of that name."""
        return next((part for part in self.of_kind("database") if part.name == name), None)
