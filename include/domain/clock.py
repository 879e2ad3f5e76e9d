"""Tell the time in one place, so that tests can set it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

from include.domain.errors import AsOfError, SettingsError

NOW_VARIABLE = "NIGHTSHIFT_NOW"
# windows reach back years from a day, and reckoning with dates ends at year 1
EARLIEST_DAY = date(1900, 1, 1)


def now() -> datetime:
    """Return the time, in UTC; `NIGHTSHIFT_NOW` (ISO 8601) sets it for tests and demonstrations."""
    fixed = os.environ.get(NOW_VARIABLE)
    if not fixed:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(fixed)
    except ValueError as error:
        raise SettingsError(NOW_VARIABLE, "not a moment", got=repr(fixed), allowed=("2024-03-07T09:00Z",)) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def newest_complete_day() -> date:
    """Return yesterday in UTC: the newest day of which everything has happened."""
    return now().astimezone(UTC).date() - timedelta(days=1)


def complete(day: date, where: str = "the day of the run") -> date:
    """Return `day` when all of it has happened (in UTC).

    Raises:
        AsOfError: It has not, or it is so early that no window fits before it.
    """
    newest = newest_complete_day()
    if day > newest:
        raise AsOfError(where, "the day is not complete yet", got=str(day), allowed=(f"up to {newest}",))
    if day < EARLIEST_DAY:
        raise AsOfError(where, "the day is too early", got=str(day), allowed=(f"{EARLIEST_DAY} to {newest}",))
    return day
