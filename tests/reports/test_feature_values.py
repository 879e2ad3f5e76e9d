"""Values of features are written as their project declares, wherever a group, a rule or an example names them."""

from __future__ import annotations

from typing import Any

import pytest

from include.domain.explanation import ErrorAnalysis, ErrorSlice, FeatureProfile, WorstError
from include.reports.data_report import histogram
from include.reports.decision_page import render
from include.reports.model_card import model_card
from include.reports.wording import group_name, in_words, written
from tests.reports.decisions import decision, declared
from tests.reports.evidence import FULL, group
from tests.reports.explanations import explanation
from tests.reports.reading import text_of

DISPLAY: dict[str, Any] = {"minute": "time_of_day", "part": "percent", "bill": "money"}
MADE = decision(display=DISPLAY, measurements=FULL)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("minute", 1205.0, "20:05"),
        ("minute", 0.0, "00:00"),
        ("minute", -0.5, "00:00"),
        ("minute", 1439.6, "24:00"),
        ("minute", float("nan"), "–"),
        ("minute", None, "missing"),
        ("part", 0.125, "12.5 %"),
        ("bill", 1234.5, "1 234.50 EUR"),
        ("other", 1205.0, "1205"),
        ("other", -0.0, "0"),
        ("airline", "UA", "UA"),
    ],
)
def test_a_value(column: str, value: float | str | None, text: str) -> None:
    assert written(MADE, column, value).replace("\u00a0", " ").replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("minute > 1200 and airline in UA, B6", "minute > 20:00 and airline in UA, B6"),
        ("600 < minute <= 900", "10:00 < minute <= 15:00"),
        ("minute <= 305.5 (or missing)", "minute <= 05:06 (or missing)"),
        ("score 0.31 became 0.29 with minute from 600 to 900 (where part 0.5)",
         "score 0.31 became 0.29 with minute from 10:00 to 15:00 (where part 50.0 %)"),
        ("proved worse in minute 301 to 600: 0.6049", "proved worse in minute 05:01 to 10:00: 0.6049"),
        ("minutes > 1200", "minutes > 1200"),
        ("departure_minute > 1200", "departure_minute > 1200"),
        ("minute is missing", "minute is missing"),
    ],
)  # fmt: skip
def test_a_rule_or_an_example(text: str, said: str) -> None:
    assert in_words(MADE, text).replace("\u00a0", " ") == said


def test_groups_by_their_column() -> None:
    assert group_name(MADE, "minute", "301 to 600") == "05:01 to 10:00"
    assert group_name(MADE, "airline", "301") == "301"
    assert group_name(MADE, "minute", "(missing)") == "(missing)"


def test_a_histogram_has_its_ends_in_the_same_way() -> None:
    feature = FeatureProfile(
        name="minute", kind="numeric", missing={}, edges=(300.0, 600.0), train=(1.0,), holdout=(1.0,), psi=0.0
    )
    assert histogram(feature, MADE)[0].text.startswith("05:00 to 10:00: ")
    # years that differ in their last digit are told apart
    close = feature.model_copy(update={"name": "id", "edges": (100000.0, 100001.0, 100002.0), "train": (0.5, 0.5)})
    texts = [bar.text.partition(":")[0] for bar in histogram(close.model_copy(update={"holdout": (0.5, 0.5)}))]
    assert texts == ["100000 to 100001", "100001 to 100002"]


def test_page_and_card_write_them_so() -> None:
    found = ErrorSlice(rule="minute > 1200", rows=80, positive_rate=0.4, mean_score=0.2, loss=0.9, overall=0.5)
    errors = ErrorAnalysis(
        slices=(found,), worst=(WorstError(score=0.1, label=1, features={"minute": 1205.0}),), judged_rows=500
    )
    measured = FULL.model_copy(update={"groups": (group("minute", "301 to 600", -0.04),)})
    made = decision(display=DISPLAY, measurements=measured)
    shown = explanation().model_copy(update={"errors": errors})
    page, card = text_of(render(made, shown, declared())), model_card(declared(), made, shown)
    for text in (page, card):
        assert "minute > 20:00" in text and "minute > 1200" not in text
        assert "05:01 to 10:00" in text and "301 to 600" not in text
    assert "minute 20:05" in page
