"""Tell the time in one place, so that tests can set it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

NOW_VARIABLE = "NIGHTSHIFT_NOW"


def now() -> datetime:
    """Return the time, in UTC; `NIGHTSHIFT_NOW` (ISO 8601) sets it for tests and demonstrations."""
    fixed = os.environ.get(NOW_VARIABLE)
    if not fixed:
        return datetime.now(UTC)
    moment = datetime.fromisoformat(fixed)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def newest_complete_day() -> date:
    """Return yesterday in UTC: the newest day of which everything has happened."""
    return now().astimezone(UTC).date() - timedelta(days=1)
