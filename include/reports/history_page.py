"""Write the walk-forward record as one HTML page that needs nothing else: a plot, and a table with all its numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from include.domain.decision import LedgerEntry, Night, WalkedChampion
from include.domain.metrics import LOWER_IS_BETTER
from include.domain.results import Verdict
from include.reports.plots import round_step
from include.reports.templates import template
from include.reports.wording import extent, number, words

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
class HistoryMark:
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
class HistoryTick:
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
class HistoryPlot:
    """Hold the whole layout; `min_width` is in pixels, `scale` the size of the marks."""

    height: int
    scale: float
    min_width: int
    marks: tuple[HistoryMark, ...]
    champion_line: tuple[Segment, ...]
    reigns: tuple[Reign, ...]
    ticks: tuple[HistoryTick, ...]
    dates: tuple[DateLabel, ...]


def lay_out(nights: Sequence[Night]) -> HistoryPlot:
    """Return the layout of the nights, in their order."""
    scale = _Scale.of(nights)
    marks = tuple(_mark(night, _middle(index, len(nights)), scale) for index, night in enumerate(nights))
    return HistoryPlot(
        height=HEIGHT,
        scale=1.0 if len(nights) <= MANY_NIGHTS else SMALL,
        min_width=len(nights) * MIN_SLOT_PIXELS,
        marks=marks,
        champion_line=tuple(_champion_line(marks)),
        reigns=tuple(_reigns(nights)),
        ticks=tuple(HistoryTick(scale.place(tick), f"{tick:.{scale.decimals}f}") for tick in scale.ticks),
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
    for one in (night.value, night.champion_value, *(night.interval or ())):
        if one is not None and math.isfinite(one):
            yield one


def _middle(index: int, count: int) -> float:
    return round(100 * (index + 0.5) / count, 3)


def _mark(night: Night, x: float, scale: _Scale) -> HistoryMark:
    def place(value: float | None) -> float | None:
        return None if value is None or not math.isfinite(value) else scale.place(value)

    low, high = night.interval or (None, None)
    return HistoryMark(night, x, place(night.value), place(low), place(high), place(night.champion_value))


def _champion_line(marks: Sequence[HistoryMark]) -> Iterator[Segment]:
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


TEMPLATE = "history_page.html.j2"
DID: dict[Verdict, str] = {"PROMOTE": "promoted", "HOLD": "held", "REJECT": "rejected"}


def render(project: str, nights: Sequence[Night], made_at: datetime, champion: LedgerEntry | None) -> str:
    """Return the record as a self-contained HTML page: no script, no address is fetched, all text escaped.

    The links to the decisions' reports are relative: they work from where the page is kept (`keys.history_page`).

    Args:
        nights: At least one, oldest first.
        made_at: When the page is made.
        champion: The ledger's entry of what is in force in production then; None when nothing is.
    """
    return template(TEMPLATE).render(
        project=project,
        nights=nights,
        made_at=made_at,
        metric=nights[-1].metric,
        lower_is_better=nights[-1].metric in LOWER_IS_BETTER,
        counts=counts(nights),
        summary=summary(nights),
        in_production=in_production(nights, champion),
        left_out=left_out(nights),
        plot=lay_out(nights),
        describe=describe,
        report=lambda night: f"../decisions/{night.decision_id}/report.html",
        any_rolled_back=any(night.rolled_back for night in nights),
        any_interval=any(night.interval for night in nights),
    )


def counts(nights: Sequence[Night]) -> list[tuple[Verdict, str, int]]:
    """Return verdict, what it did and how often, in the order of the verdicts."""
    found = Counter(night.verdict for night in nights)
    return [(verdict, did, found[verdict]) for verdict, did in DID.items()]


def summary(nights: Sequence[Night]) -> str:
    """Return what the nights would have decided, in a sentence."""
    first, last = nights[0].as_of, nights[-1].as_of
    span = f"{len(nights)} nights, {first} to {last}" if len(nights) > 1 else f"One night, {last}"
    did = ", ".join(f"{count} {did}" for _, did, count in counts(nights))
    return f"{span}: {did}."


def in_production(nights: Sequence[Night], champion: LedgerEntry | None) -> str:
    """Return what the record would have left in force, and what is in force in production: they may well differ."""
    walked = nights[-1].in_force
    real = f"version {champion.version} of {champion.as_of}" if champion else ""
    if walked is None:
        would = "This is a what-if, by which no model would have been promoted"
    elif champion and champion.candidate_id == walked.candidate_id:
        return f"This is a what-if; it ends with the champion in production, {real}."
    else:
        would = f"This is a what-if, which would have ended with {named(walked)}"
    return f"{would}; {f'the champion in production is {real}' if champion else 'there is no champion in production'}."


def left_out(nights: Sequence[Night]) -> str:
    """Return which gates were not judged on how many nights, in a sentence; empty when all were."""
    kinds = (dict.fromkeys(gate.partition(":")[0] for gate in night.left_out) for night in nights)
    found = Counter(kind for each in kinds for kind in each)
    if not found:
        return ""
    nights_of = ", ".join(f"{kind} ({count} night{'' if count == 1 else 's'})" for kind, count in found.items())
    return f"Left out, wholly or in part, because nobody measured it then: {nights_of}."


def describe(night: Night) -> str:
    """Return one night in words, for the mark that the pointer is on."""
    interval = f" ({extent(night.interval)})" if night.interval else ""
    champion = f"champion {named(night.champion)}: {number(night.champion_value)}" if night.champion else "no champion"
    value = f"{words(night.metric)} {number(night.value)}{interval}"
    undone = f"; {night.rolled_back}" if night.rolled_back else ""
    return f"{night.as_of}, {night.candidate}: {night.verdict}; {value}; {champion}{undone}"


def named(champion: WalkedChampion | None) -> str:
    """Return a champion by its version and day."""
    return f"version {champion.version} of {champion.as_of}" if champion else "none"
