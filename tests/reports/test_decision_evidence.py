"""The page says how sure the gain is, whether scores are probabilities, and how groups of people are answered."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from include.config.decision import Decision
from include.config.evidence import Measurements
from include.config.results import Verdict
from include.reports.decision_page import render
from tests.reports.decisions import DIFFERENCE, MEASUREMENTS, decision


def words_of(page: str) -> str:
    """Return what a reader sees, white space made single."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Reader().feed(page[page.index("<body>") :])
    return re.sub(r"\s+", " ", " ".join(found)).replace(" .", ".").replace(" ,", ",")


def _with(verdict: Verdict, **changes: Any) -> Decision:
    return decision(verdict=verdict, measurements=MEASUREMENTS.model_copy(update=changes))


def test_it_says_how_sure_the_gain_is() -> None:
    page = words_of(render(decision()))
    assert "With 95.0 % confidence the gain is at least +0.0076, so chance alone is an unlikely cause." in page
    assert "Paired bootstrap decides ROC AUC +0.0147 less than 0.001" in page
    assert "DeLong shown beside it ROC AUC +0.0147 0.002" in page
    assert "McNemar shown beside it Accuracy −0.0020 0.310" in page


def test_it_says_when_chance_may_be_the_cause() -> None:
    page = words_of(render(_with(verdict="HOLD", differences=(DIFFERENCE.model_copy(update={"lower": -0.001}),))))
    assert "at least −0.0010, so chance alone may be its cause; without proof the champion stays." in page


def test_it_shows_whether_scores_are_probabilities() -> None:
    page = render(decision())
    assert "challenger: off by 1.2 % on average" in words_of(page)
    assert "champion: off by 4.6 % on average" in words_of(page)
    assert page.count("<circle") == 14


def test_it_shows_how_groups_of_people_are_answered() -> None:
    page = words_of(render(decision()))
    assert "1 290 41.0 % 66.0 % 25.0 %" in page
    assert "(missing) too few to compare 3 0.0 % – 0.0 %" in page
    assert "Largest difference in yes: 24.0 % (demographic parity)." in page
    assert "Largest difference in positives found or false alarms: 19.0 % (equalised odds)." in page


def test_without_a_champion_and_without_groups_nothing_is_made_up() -> None:
    page = render(decision(champion=None, measurements=Measurements()))
    for heading in ("How sure is the gain", "Does a score mean", "Groups of people"):
        assert heading not in page
