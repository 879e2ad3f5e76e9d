"""Read the days that people type."""

from __future__ import annotations

from datetime import date

from include.config.clock import EARLIEST_DAY
from include.config.errors import AsOfError

# beyond, reckoning with dates ends
LATEST_DAY = date(9000, 1, 1)


def parse_day(text: str, option: str) -> date:
    """Return the day that `text` names.

    Raises:
        AsOfError: It is not written YYYY-MM-DD, there is no such day, or it is centuries off.
    """
    where = f"{'option' if option.startswith('-') else 'argument'} {option}"
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise AsOfError(where, "not a day", got=repr(text), allowed=("YYYY-MM-DD",)) from error
    if day.isoformat() != text:
        raise AsOfError(where, "not a day", got=repr(text), allowed=("YYYY-MM-DD",))
    if not EARLIEST_DAY <= day <= LATEST_DAY:
        raise AsOfError(where, "no day of any data", got=text, allowed=(f"{EARLIEST_DAY} to {LATEST_DAY}",))
    return day
