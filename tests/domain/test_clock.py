"""The time is told in one place, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include.domain import clock
from include.domain.errors import SettingsError


@pytest.mark.parametrize(
    ("fixed", "expected", "newest"),
    [
        ("2013-04-02T00:00:00", datetime(2013, 4, 2, tzinfo=UTC), date(2013, 4, 1)),
        ("2013-04-02T01:30:00+02:00", datetime(2013, 4, 1, 23, 30, tzinfo=UTC), date(2013, 3, 31)),
        ("2013-01-01", datetime(2013, 1, 1, tzinfo=UTC), date(2012, 12, 31)),
    ],
)
def test_the_variable_sets_the_time(
    monkeypatch: pytest.MonkeyPatch, fixed: str, expected: datetime, newest: date
) -> None:
    monkeypatch.setenv(clock.NOW_VARIABLE, fixed)

    assert clock.now() == expected
    assert clock.newest_complete_day() == newest


def test_without_the_variable_it_is_now_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.NOW_VARIABLE, raising=False)

    told = clock.now()

    assert told.tzinfo is UTC
    assert abs(told - datetime.now(UTC)) < timedelta(seconds=10)


def test_a_fixed_time_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.NOW_VARIABLE, "soon")
    with pytest.raises(SettingsError, match="NIGHTSHIFT_NOW: not a moment; got: 'soon'"):
        clock.now()
