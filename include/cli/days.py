"""Read the days that people type."""

from __future__ import annotations

from datetime import date

from include.config.errors import AsOfError


def parse_day(text: str, option: str) -> date:
    """Return the day that `text` names.

    Raises:
        AsOfError: It is not written YYYY-MM-DD, or there is no such day.
    """
    where = f"{'option' if option.startswith('-') else 'argument'} {option}"
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise AsOfError(where, "not a day", got=repr(text), allowed=("YYYY-MM-DD",)) from error
    if day.isoformat() != text:
        raise AsOfError(where, "not a day", got=repr(text), allowed=("YYYY-MM-DD",))
    return day
