"""Write the values of features as their project declares: minutes since midnight as 20:05, a share as 12.5 %.

Groups, rules and examples are recorded with plain numbers, which stay comparable; here they become what people read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from include.config.decision import Decision
from include.config.display import DisplayFormat
from include.reports.wording import NOTHING, amount, share

_PLAIN = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_NUMBER = re.compile(rf"(?<![\w.]){_PLAIN}(?![\w.])")


def written(decision: Decision, feature: str, value: float | str | None) -> str:
    """Return one value of a feature; text stays as it is."""
    if value is None:
        return "missing"
    return value if isinstance(value, str) else _written(decision, feature, value)


def group_name(decision: Decision, column: str, group: str) -> str:
    """Return the name of a group of rows: "301 to 600" of a column of minutes is "05:01 to 10:00"."""
    if column not in decision.display:
        return group
    return _NUMBER.sub(lambda found: _written(decision, column, float(found[0])), group)


def in_words(decision: Decision, text: str) -> str:
    """Return a rule, an example or a note with the values of its features: "departure_minute > 1200"."""
    for name in decision.display:
        text = _mentions(name).sub(lambda found: group_name(decision, name, found[0]), text)  # noqa: B023
    return text


def _mentions(name: str) -> re.Pattern[str]:
    """Return what finds a feature with the numbers that a rule or an example puts beside it."""
    after = rf"(?: (?:<=|>|from))? {_PLAIN}(?: to {_PLAIN})?"
    return re.compile(rf"(?:{_PLAIN} < )?(?<!\w){re.escape(name)}(?!\w)(?:{after})?")


def _written(decision: Decision, feature: str, value: float) -> str:
    money = decision.measurements.money
    return write(decision.display, money.currency if money else "", feature, value)


def write(display: Mapping[str, DisplayFormat], currency: str, feature: str, value: float) -> str:
    """Return one number of a feature.

    Args:
        display: How the project's features are written.
        currency: Of money; empty where none is declared.
        feature: Its name.
        value: Its value.
    """
    if not math.isfinite(value):
        return NOTHING
    form = display.get(feature)
    if form == "time_of_day" and value > -1:
        # the last bin of a histogram may end at midnight or a little later
        hours, minutes = divmod(max(0, round(value)), 60)
        return f"{hours:02d}:{minutes:02d}"
    if form == "percent":
        return share(value)
    if form == "money":
        return amount(value, currency, 2)
    return f"{value + 0.0:.6g}".replace("-", "−")
