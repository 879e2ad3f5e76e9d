"""Remember that a restore has begun in a home, so that it can be gone on with and nothing works on half of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from include.config.errors import SettingsError
from include.stack.credentials import write_private

FILE = "restore.json"
# of the docker stack that belongs to the checkout
DOCKER_FILE = "restore-docker.json"


class RestoreMark(BaseModel):
    """Say which backup is being restored, and how far it is.

    Attributes:
        backup_id: As the backup's contents say.
        file: Where the backup was.
        turn: `writing` until all of it is there; then only views remain to be set right.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backup_id: str
    file: str
    turn: Literal["writing", "reconciling"] = "writing"


def begun_with(file: Path, backup_id: str) -> RestoreMark | None:
    """Return the mark of this backup's restore that was interrupted, or None when none was.

    Raises:
        SettingsError: The restore of another file was interrupted, or the mark was changed by hand.
    """
    mark = read_mark(file)
    if mark is not None and mark.backup_id != backup_id:
        raise SettingsError(
            str(file.parent),
            "the restore of another file was interrupted here",
            got=mark.file,
            hint="go on with that one",
        )
    return mark


def start_mark(file: Path, backup_id: str, backup: Path) -> RestoreMark:
    """Write down that a restore begins, before the first byte of it is written."""
    mark = RestoreMark(backup_id=backup_id, file=str(backup))
    set_mark(file, mark)
    return mark


def read_mark(file: Path) -> RestoreMark | None:
    """Return the mark of a restore that has begun and not ended, or None.

    Raises:
        SettingsError: The file is no such mark.
    """
    try:
        return RestoreMark.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise SettingsError(str(file), "it was changed by hand", hint="begin again in a new home") from error


def set_mark(file: Path, mark: RestoreMark) -> None:
    """Write down how far a restore is."""
    write_private(file, mark.model_dump_json(indent=2))


def clear_mark(file: Path) -> None:
    """Forget the restore: it is complete."""
    file.unlink(missing_ok=True)


def refuse_half_restored(home: Path, *, docker: bool = False) -> None:
    """Refuse to work in a home, or on the docker stack of a checkout, whose restore was interrupted.

    Raises:
        SettingsError: With the command that goes on with it.
    """
    mark = read_mark(home / (DOCKER_FILE if docker else FILE))
    if mark is not None:
        option = "--docker " if docker else ""
        raise SettingsError(
            "the docker stack" if docker else str(home),
            "a restore was interrupted here",
            hint=f"go on with it: ./nightshift restore {option}{mark.file}",
        )
