"""The plot shows every number at its place, and who is in force; it fits one night as well as a year of them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from include.reports.history_page import HEIGHT, MIN_SLOT_PIXELS, lay_out
from tests.reports.nights import walked

MIXED: list[Any] = ["REJECT", "PROMOTE", "HOLD", "PROMOTE", "HOLD"]


def test_every_number_is_at_the_height_of_the_scale() -> None:
    nights = walked(MIXED)
    plot = lay_out(nights)
    by_height = {float(tick.text): tick.y for tick in plot.ticks}
    (low, at_low), (high, at_high) = min(by_height.items()), max(by_height.items())
    assert len(by_height) >= 4

    def place(value: float | None) -> Any:
        if value is None:
            return None
        return pytest.approx(at_low + (value - low) / (high - low) * (at_high - at_low), abs=0.2)

    for night, mark in zip(nights, plot.marks, strict=True):
        assert night.interval is not None
        assert (mark.value, mark.low, mark.high) == tuple(map(place, (night.value, *night.interval)))
        assert mark.champion == place(night.champion_value)
        assert all(0 < y < HEIGHT for y in (mark.value, mark.low, mark.high, mark.champion) if y is not None)
    assert [mark.x for mark in plot.marks] == [10, 30, 50, 70, 90]


def test_a_version_is_in_force_from_its_night_to_that_of_its_successor() -> None:
    plot = lay_out(walked(MIXED))
    assert [(reign.version, reign.x, reign.width) for reign in plot.reigns] == [
        ("", 0, 30), ("2", 30, 40), ("4", 70, 30),
    ]  # fmt: skip
    later = lay_out(walked(MIXED)[2:])
    assert [reign.version for reign in later.reigns] == ["2", "4"]


def test_the_champions_line_has_a_gap_where_it_was_not_measured() -> None:
    nights = walked(["PROMOTE", "HOLD", "HOLD", "HOLD", "HOLD"])
    nights[3] = nights[3].model_copy(update={"champion_value": None})
    plot = lay_out(nights)
    assert [(line.x1, line.x2) for line in plot.champion_line] == [(30, 50)]


@pytest.mark.parametrize(
    "changes",
    [
        {"value": None, "interval": None, "champion_value": None},
        {"value": float("nan"), "interval": None, "champion_value": None},
        {"value": 0.7, "interval": None, "champion_value": 0.7},
    ],
)
@pytest.mark.parametrize("count", [1, 3])
def test_nights_without_numbers_or_of_one_number_can_be_drawn(changes: dict[str, Any], count: int) -> None:
    plot = lay_out(walked(["HOLD"] * count, **changes))
    assert len(plot.marks) == count
    drawn = changes["value"] == 0.7
    assert all((mark.value is not None) is drawn for mark in plot.marks)
    assert plot.ticks


@pytest.mark.parametrize(("count", "most_dates"), [(1, 1), (12, 12), (30, 12), (400, 80)])
def test_dates_never_stand_on_each_other(count: int, most_dates: int) -> None:
    plot = lay_out(walked(["PROMOTE", *["HOLD"] * (count - 1)]))
    width = max(plot.min_width, 300)
    assert 1 <= len(plot.dates) <= most_dates
    for dates in ([date for date in plot.dates if date.narrow], plot.dates if width > 600 else []):
        assert all((b.x - a.x) / 100 * width >= 36 for a, b in itertools.pairwise(dates))


def test_a_year_scrolls_and_names_only_versions_that_have_room() -> None:
    plot = lay_out(walked(["PROMOTE", "PROMOTE", *["HOLD"] * 363]))
    assert plot.min_width == 365 * MIN_SLOT_PIXELS
    assert plot.scale < 1
    assert [(reign.version, reign.named) for reign in plot.reigns] == [("", False), ("1", False), ("2", True)]
