"""Days that people type are days of data, or refused in words."""

from __future__ import annotations

import pytest

from include.cli.options import parse_day
from include.cli.run import run_night
from include.domain.errors import AsOfError


@pytest.mark.parametrize("text", ["1900-01-01", "2024-02-29", "9000-01-01"])
def test_a_day_is_read(text: str) -> None:
    assert str(parse_day(text, "--as-of")) == text


@pytest.mark.parametrize(
    "text", ["", "0000-01-01", "0001-01-01", "1899-12-31", "9999-12-31", "2023-02-29", "20240229", "today"]
)
def test_what_is_no_day_of_any_data_is_refused(text: str) -> None:
    with pytest.raises(AsOfError, match=r"option --as-of: (not a|no) day"):
        parse_day(text, "--as-of")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "8999-01-01"])
def test_a_night_of_no_day_is_refused_before_anything_starts(day: str) -> None:
    with pytest.raises(AsOfError, match=day):
        run_night("flight_delay", day, s3=False, force=False, refresh_raw=False, window_days=None)
