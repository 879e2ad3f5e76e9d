"""Refuse a backup that was made of something else, or by newer programs, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from include.config.errors import SettingsError
from include.operations.backup.archive import ArchiveReader
from include.operations.backup.contents import Place

OTHER_WAY = {"home": "leave out --docker", "docker": "add --docker"}


def check_place(archive: ArchiveReader, place: Place) -> None:
    """Refuse a backup of the other kind.

    Raises:
        SettingsError: A home's databases are SQLite files, the docker stack's are PostgreSQL.
    """
    found = archive.contents.place
    if found != place:
        kinds: dict[Place, str] = {"home": "a home (SQLite)", "docker": "the docker stack (PostgreSQL)"}
        raise SettingsError(
            str(archive.path),
            f"this is a backup of {kinds[found]}; its databases do not fit {kinds[place]}",
            hint=OTHER_WAY[found],
        )


def check_versions(archive: ArchiveReader, here: Mapping[str, str]) -> None:
    """Refuse databases of newer programs than those that would read them; older ones are brought up to date.

    Raises:
        SettingsError: One is newer.
    """
    for name, made_by in archive.contents.versions.items():
        if _numbers(made_by) > _numbers(here[name]):
            raise SettingsError(
                str(archive.path),
                f"a database of a newer {name} cannot be read by this one",
                got=made_by,
                allowed=(f"up to {here[name]}",),
                hint="restore it with the version of Nightshift that made it, or a newer one",
            )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
