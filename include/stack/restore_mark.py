"""Remember that a restore has begun in a home, so that it can be gone on with and nothing works on half of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from include.config.errors import SettingsError
from include.stack.credentials import write_private

FILE = "restore.json"


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


def read_mark(home: Path) -> RestoreMark | None:
    """Return the mark of a restore that has begun and not ended, or None.

    Raises:
        SettingsError: The file is no such mark.
    """
    path = home / FILE
    try:
        return RestoreMark.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise SettingsError(str(path), "it was changed by hand", hint="begin again in a new home") from error


def set_mark(home: Path, mark: RestoreMark) -> None:
    """Write down how far a restore is."""
    write_private(home / FILE, mark.model_dump_json(indent=2))


def clear_mark(home: Path) -> None:
    """Forget the restore: it is complete."""
    (home / FILE).unlink(missing_ok=True)


def refuse_half_restored(home: Path) -> None:
    """Refuse to start anything in a home whose restore was interrupted.

    Raises:
        SettingsError: With the command that goes on with it.
    """
    mark = read_mark(home)
    if mark is not None:
        raise SettingsError(
            str(home), "a restore was interrupted here", hint=f"go on with it: ./nightshift restore {mark.file}"
        )
