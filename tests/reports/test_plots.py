"""A plot shows every number at its place, between round ticks, and leaves out what is no number."""

from __future__ import annotations

import math
from datetime import date

import pytest

from include.reports.plots import Mark, Rule, Scale, Series, bar_widths, lay_out, round_step, whiskers


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.0], (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        ([-2300, 412], (-3000, -2000, -1000, 0, 1000)),
        ([0.131, 0.1312, float("nan"), float("inf")], (0.131, 0.13105, 0.1311, 0.13115, 0.1312)),
        ([7, 7], (6.4, 6.6, 6.8, 7.0, 7.2, 7.4, 7.6)),
        ([], (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
    ],
)
def test_ticks_are_round_and_hold_every_value(values: list[float], ticks: tuple[float, ...]) -> None:
    scale = Scale.around(values, "")

    assert scale.ticks == pytest.approx(ticks)
    known = [value for value in values if math.isfinite(value)]
    assert scale.low <= min(known, default=0) + 1e-9 and scale.high >= max(known, default=1) - 1e-9
    assert len(set(scale.tick_names())) == len(ticks)


@pytest.mark.parametrize(("least", "step"), [(0.011, 0.02), (1, 1), (0.3, 0.5), (700, 1000), (0.05, 0.05)])
def test_a_step_is_one_two_or_five_times_a_power_of_ten(least: float, step: float) -> None:
    assert round_step(least) == pytest.approx(step)


def test_days_have_dates_as_ticks() -> None:
    scale = Scale.days(date(2013, 4, 2), date(2013, 5, 31))
    assert scale.tick_names() == ("04-02", "04-17", "05-02", "05-17")
    assert (scale.part(0), scale.part(59)) == (0, 1)
    assert Scale.days(date(2013, 4, 2), date(2013, 4, 2)).tick_names() == ("04-02", "04-03")


def test_a_plot_is_laid_out_from_the_lower_left() -> None:
    plot = lay_out(
        "two points",
        Scale.shares("x"),
        Scale(-100, 100, (-100, 0, 100), "y", 0),
        [Series("champion", "it", [(0, -100), (0.5, 0), (float("nan"), 0), (1, 250)], marked=True)],
        rules=[Rule((0, 0), (1, 0))],
        marks=[Mark("challenger", 0.25, 50, "here")],
        height=200,
    )
    (line,) = plot.lines
    assert line.points == "0,200 150,100 300,0"
    assert line.dots == ((0, 200), (150, 100), (300, 0))
    assert plot.rules == ((0, 100, 300, 100),)
    assert [(mark.x, mark.y) for mark in plot.marks] == [(75, 50)]
    assert [(tick.place, tick.text) for tick in plot.y_ticks] == [(200, "−100"), (100, "0"), (0, "100")]


def test_whiskers_of_a_table_share_a_scale_that_shows_zero() -> None:
    first, nothing, plain = whiskers([(0.1, (0.05, 0.15)), (None, None), (0.2, None)])
    assert first and plain and nothing is None
    assert (first.zero, first.left, first.middle, first.right) == (0, 25, 50, 75)
    assert (plain.left, plain.middle, plain.right) == (100, 100, 100)
    (below,) = whiskers([(-0.1, (-0.2, 0.0))])
    assert below and (below.left, below.middle, below.zero) == (0, 50, 100)


def test_bars_are_as_long_as_their_share_of_the_longest() -> None:
    assert bar_widths([4.0, 1.0, None, -3.0, float("nan")]) == [100, 25, 0, 0, 0]
    assert bar_widths([0.0, None]) == [0, 0]
    assert bar_widths([]) == []
