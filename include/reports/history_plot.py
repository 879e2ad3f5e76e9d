"""Lay out the plot of the walk-forward record: where each mark stands, in numbers, so that a template only writes them.

Across, a place is a percentage of the width, so that the plot fits a phone as well as a screen without its text growing
or shrinking; every night has a slot of the same width, in order. Down, a place is in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from include.config.history import Night
from include.reports.plots import round_step

HEIGHT = 280
# room above and below, so that a mark at the edge is whole
PADDING = 18
MAX_TICKS = 8
MAX_DATES = 12
MAX_DATES_NARROW = 6
DATE_PIXELS = 55
# a slot narrower than this cannot be told from its neighbours: the plot is then wider than the screen and scrolls
MIN_SLOT_PIXELS = 9
MIN_NAMED_PIXELS = 26
# with more nights than this, marks of the full size would hide each other
MANY_NIGHTS = 45
SMALL = 0.55


@dataclass(frozen=True)
class Mark:
    """Hold one night's places: across in percent, down in pixels; None where there is no number."""

    night: Night
    x: float
    value: float | None
    low: float | None
    high: float | None
    champion: float | None


@dataclass(frozen=True)
class Segment:
    """Hold one piece of the line through the champion's values."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Reign:
    """Hold the nights for which one version is in force: from the middle of its night to that of its successor.

    Attributes:
        version: Empty before the first promotion.
        named: Whether there is room for its name.
    """

    version: str
    x: float
    width: float
    named: bool


@dataclass(frozen=True)
class Tick:
    """Hold a line across the plot at a round number."""

    y: float
    text: str


@dataclass(frozen=True)
class DateLabel:
    """Hold a date below the plot, in two lines; on a narrow screen only some of them are shown."""

    x: float
    day: str
    year: str
    narrow: bool


@dataclass(frozen=True)
class Plot:
    """Hold the whole layout; `min_width` is in pixels, `scale` the size of the marks."""

    height: int
    scale: float
    min_width: int
    marks: tuple[Mark, ...]
    champion_line: tuple[Segment, ...]
    reigns: tuple[Reign, ...]
    ticks: tuple[Tick, ...]
    dates: tuple[DateLabel, ...]


def lay_out(nights: Sequence[Night]) -> Plot:
    """Return the layout of the nights, in their order."""
    scale = _Scale.of(nights)
    marks = tuple(_mark(night, _middle(index, len(nights)), scale) for index, night in enumerate(nights))
    return Plot(
        height=HEIGHT,
        scale=1.0 if len(nights) <= MANY_NIGHTS else SMALL,
        min_width=len(nights) * MIN_SLOT_PIXELS,
        marks=marks,
        champion_line=tuple(_champion_line(marks)),
        reigns=tuple(_reigns(nights)),
        ticks=tuple(Tick(scale.place(tick), f"{tick:.{scale.decimals}f}") for tick in scale.ticks),
        dates=tuple(_dates(nights)),
    )


@dataclass(frozen=True)
class _Scale:
    """Turn a metric's value into a place; `low` is at the bottom."""

    low: float
    high: float
    ticks: tuple[float, ...]
    decimals: int

    @classmethod
    def of(cls, nights: Sequence[Night]) -> _Scale:
        """Return a scale that shows every number, with ticks at round ones."""
        numbers = [number for night in nights for number in _numbers(night)]
        low, high = min(numbers, default=0.0), max(numbers, default=1.0)
        if high - low < 1e-9:
            low, high = low - 0.05, high + 0.05
        step = round_step((high - low) / (MAX_TICKS - 1))
        first, last = math.ceil(low / step), math.floor(high / step)
        ticks = tuple(number * step for number in range(first, last + 1))
        return cls(low, high, ticks, max(0, -math.floor(math.log10(step) + 1e-9)))

    def place(self, value: float) -> float:
        """Return how far below the top `value` stands, in pixels."""
        share = (value - self.low) / (self.high - self.low)
        return round(PADDING + (1 - share) * (HEIGHT - 2 * PADDING), 1)


def _numbers(night: Night) -> Iterator[float]:
    for number in (night.value, night.champion_value, *(night.interval or ())):
        if number is not None and math.isfinite(number):
            yield number


def _middle(index: int, count: int) -> float:
    return round(100 * (index + 0.5) / count, 3)


def _mark(night: Night, x: float, scale: _Scale) -> Mark:
    def place(value: float | None) -> float | None:
        return None if value is None or not math.isfinite(value) else scale.place(value)

    low, high = night.interval or (None, None)
    return Mark(night, x, place(night.value), place(low), place(high), place(night.champion_value))


def _champion_line(marks: Sequence[Mark]) -> Iterator[Segment]:
    for before, after in pairwise(marks):
        if before.champion is not None and after.champion is not None:
            yield Segment(before.x, before.champion, after.x, after.champion)


def _reigns(nights: Sequence[Night]) -> Iterator[Reign]:
    if not nights:
        return
    count = len(nights)
    version = nights[0].champion.version if nights[0].champion else ""
    start = 0.0
    for index, night in enumerate(nights):
        if night.verdict == "PROMOTE":
            middle = _middle(index, count)
            yield _reign(version, start, middle, count)
            version, start = night.version, middle
    yield _reign(version, start, 100.0, count)


def _reign(version: str, start: float, end: float, count: int) -> Reign:
    width = round(end - start, 3)
    return Reign(version, start, width, named=width / 100 * count * MIN_SLOT_PIXELS >= MIN_NAMED_PIXELS or count <= 12)


def _dates(nights: Sequence[Night]) -> Iterator[DateLabel]:
    count = len(nights)
    every = math.ceil(count / _fitting(MAX_DATES, count))
    shown = list(range(0, count, every))
    narrow = math.ceil(len(shown) / _fitting(MAX_DATES_NARROW, count))
    for place, index in enumerate(shown):
        as_of = nights[index].as_of
        yield DateLabel(_middle(index, count), f"{as_of:%m-%d}", f"{as_of:%Y}", place % narrow == 0)


def _fitting(at_least: int, count: int) -> int:
    """Return how many dates fit side by side: a plot that is wider than the screen has room for more."""
    return max(at_least, count * MIN_SLOT_PIXELS // DATE_PIXELS)
