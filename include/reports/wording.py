"""Write numbers, names, moments and features' values the way all pages write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from include.domain.decision import Decision, DisplayFormat, RowName
from include.domain.results import Span

NOTHING = "–"
# no line ends between a number and its unit
GAP = "\u00a0"
ROW = RowName()
# on a page a word follows "Label" or begins a row, so it begins large; inside a sentence `lower_first` makes it small
WORDS: dict[str, str] = {
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "brier_score": "Brier score",
    "log_loss": "Log loss",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "f1": "F1",
    "matthews_corrcoef": "Matthews correlation",
    "precision": "Precision",
    "recall": "Recall",
    "ece": "Expected calibration error",
    "psi": "Population stability index",
    "p50": "Median time for a {one}",
    "p95": "Time for 95 of 100 {many}",
    "p95_ms": "Time for 95 of 100 {many}",
    "demographic_parity_difference": "Demographic parity difference",
    "equalized_odds_difference": "Equalised odds difference",
    "single_feature_auc": "ROC AUC of one feature alone",
    "features_same_as_target": "Features that are the target under another name",
    "missing_labels_holdout": "Labels missing in the holdout",
    "missing_labels_train": "Labels missing in the train part",
    "value_per_1000": "Earned by 1,000 {many}",
    "answered": "{Many} answered",
    "holdout_rows": "{Many} in the holdout",
    "holdout_positives": "Positives in the holdout",
    "holdout_negatives": "Negatives in the holdout",
    "minimum": "High enough",
    "holdout": "Holdout large enough",
    "maximum": "Low enough",
    "beats_baseline": "Better than the baseline",
    "better_than_champion": "Better than the champion",
    "not_worse_than_champion": "Not worse than the champion",
    "leak_alarm": "Not too good to be true",
    "leakage": "No feature tells the answer",
    "labels": "Labels are there when they are due",
    "slice": "No group worse off",
    "fairness": "Groups of people treated alike",
    "calibration": "Scores are probabilities",
    "value": "Earns money",
    "latency": "Answers fast enough",
    "memory": "Takes little memory",
    "size": "Small enough",
    "serves": "Serves in a clean process",
    "stability": "Scores spread as before",
    "behaviour": "Behaves as demanded",
}


def words(name: str, row: RowName = ROW) -> str:
    """Return the name people use for a metric or a gate; of several words the first may be such a name."""
    first, space, rest = name.partition(" ")
    if space and first in WORDS:
        return f"{words(first, row)} {rest}"
    known = WORDS.get(name)
    return (
        known.format(one=row.one, many=row.many, Many=row.many[0].upper() + row.many[1:])
        if known
        else name
        if space
        else name.replace("_", " ")
    )


def lower_first(text: str) -> str:
    """Return words as they stand inside a sentence; "ROC AUC" and "Brier score" stay as they are."""
    stays = text[:2].isupper() or text.startswith(("F1", "Brier")) or not text
    return text if stays else text[0].lower() + text[1:]


def number(value: float | None, decimals: int = 4) -> str:
    """Return a number with four decimals, or a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    # adding 0 takes the sign off what is rounded to nothing
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


def signed(value: float | None, decimals: int = 4) -> str:
    """Return a difference with its sign."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{round(value, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def extent(interval: tuple[float, float]) -> str:
    """Return an interval's two ends."""
    return f"{number(interval[0])} to {number(interval[1])}"


def share(value: float | None) -> str:
    """Return a share in percent, or a dash where there is none."""
    return NOTHING if value is None or not math.isfinite(value) else f"{100 * value:.1f}{GAP}%".replace("-", "−")


def points(value: float | None) -> str:
    """Return a difference of two shares, which is no share itself: "24.0 percentage points"."""
    return NOTHING if value is None or not math.isfinite(value) else f"{number(100 * value, 1)} percentage points"


def percent(value: float) -> str:
    """Return a declared share without needless decimals: "95 %"."""
    return f"{100 * value:.6g}{GAP}%"


def chance(p_value: float) -> str:
    """Return a p-value: below a thousandth only that."""
    return "less than 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def count(value: int) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f").replace("-", "−")


def counted_rows(value: int, row: RowName = ROW) -> str:
    """Return a number of rows, as the project calls them: "1 flight", "12 874 flights"."""
    return f"{count(value)} {row.of(value)}"


def amount(value: float | None, unit: str = "", decimals: int | None = None) -> str:
    """Return a measured quantity with its unit: a metric has four decimals, money and milliseconds fewer.

    Args:
        value: What was measured.
        unit: Of it; none for a metric.
        decimals: Where others are needed than `decimals_of` gives.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    decimals = decimals_of(value, unit) if decimals is None else decimals
    if not unit:
        return number(value, decimals)
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".replace(",", "\u202f").replace("-", "−") + f"{GAP}{unit}"


def decimals_of(value: float, unit: str = "") -> int:
    """Return how many decimals a quantity is written with."""
    if not unit:
        return 4
    return 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2


def of_thousand(value: float) -> str:
    """Return how many of 1,000 rows; one decimal where whole numbers would hide it, and none that is 0."""
    return number(value, 0 if value >= 20 or round(value, 1) % 1 == 0 else 1)


def moment(value: datetime) -> str:
    """Return a time in UTC to the minute."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def days(span: Span) -> int:
    """Return how many days a span holds, both ends included."""
    return (span.last - span.first).days + 1


def listed(names: list[str]) -> str:
    """Return names as a sentence lists them: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


FILTERS = {
    function.__name__: function
    for function in (
        words, lower_first, number, signed, extent, share, points, percent, chance, count, counted_rows, amount,
        of_thousand, moment, days, listed,
    )
}  # fmt: skip
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
