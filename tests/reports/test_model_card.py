"""The card of a model holds what was declared, made and measured, as Markdown that says nothing else."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from include.domain.evidence import Measurements
from include.domain.explanation import Explanation
from include.reports.markdown import table
from include.reports.model_card import model_card
from tests.reports.decisions import CHALLENGER, decision, declared
from tests.reports.evidence import ALL_GATES, FULL
from tests.reports.explanations import explanation

TRAINING: Any = SimpleNamespace(
    fold_scores=(0.63, 0.6524),
    trials=("a", "b", "c"),
    positive_rate=0.231,
    seed=7,
    versions={"scikit-learn": "1.9.1", "python": "3.11.2"},
    notes=("ConvergenceWarning: lbfgs failed",),
)


def card(**changes: Any) -> str:
    """Return the card of a rejected challenger with everything measured."""
    judged = decision(**{"verdict": "REJECT", "measurements": FULL, "gates": ALL_GATES, **changes})
    # numbers and their units are kept on one line by a space that reads like any other
    return re.sub("[\u00a0\u202f]", " ", model_card(declared(), judged, explanation(), TRAINING))


def headings(text: str) -> list[str]:
    """Return the headings below the title."""
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_the_card_holds_what_was_declared_made_and_measured() -> None:
    text = card()

    assert text.startswith(
        "# flight_delay, version 4\n\nWhich flights arrive late\n\n"
        "**REJECT** 2013-06-02 09:04 UTC: xgboost failed 3 of 21 gates; the champion (version 3) stays.\n"
    )
    for line in (
        "- **Answers:** how likely late is, from 0 to 1: arr_delay is above 15",
        "- **Yes:** from a score of 0.312 on (most money on the train part)",
        "- **Owner:** Airport desk, desk@example.org",
        "| train part | 2013-04-02 | 2013-05-17 | 46 | 41 950 | 23.1 % |",
        "| holdout | 2013-05-18 | 2013-05-31 | 14 | 12 874 | 22.1 % |",
        "- **Source:** files: flights and planes",
        "- **The label is known:** 1 day later",
        "- **Never used, protected:** age_band",
        "- **Never used, personal data:** passenger",
        "| departure_minute | 0.0560 | 0.0012 | 0.0470 |",
        "- **Cross-validation:** 3 folds, time order, inside the train part only",
        "- **Settings tried:** 3",
        "- **ROC AUC of the folds:** 0.6300, 0.6524",
        "- **Made with:** python 3.11.2, scikit-learn 1.9.1",
        "| logistic_regression | logistic_regression | 0.6288 | 0.0098 |",
        "| Brier score (lower is better) | 0.1702 | 0.1695 | −0.0007 | 0.1761 |",
        "| ROC AUC | +0.0147 | +0.0076 | +0.0218 | 95 % | less than 0.001 | paired bootstrap, 2000 draws of 14 days |",
        "| DeLong | ROC AUC | +0.0147 | 0.002 | rows independent |",
        "| challenger | 0.312 | 1 490 | 1 480 | 1 359 | 8 545 | 50.2 % | 52.3 % |",
        "| challenger | 0.0123 | 0.1700 | 0.0012 |",
        "| LGA | 1 800 | 20.0 % | 0.6049 | 0.6400 | −0.0351 | −0.0551 to −0.0151 |",
        "| 1 | 290 | 41.0 % | 66.0 % | 25.0 % |",
        "- senior_citizen, equalised odds difference: 19.0 percentage points.",
        "| later_departures_are_later | directional | 500 | 93.0 % | 95.0 % |",
        "- 95 of 100 single rows are answered within 4.82 ms.",
        "| Answers fast enough | Time for 95 of 100 rows | \\<= 20 | 4.82 ms | passed |",
        "| Serves in a clean process | Rows answered | >= 1 | 0 rows | REJECT: the process ended with signal 9 |",
        "./nightshift reproduce flight_delay 4",
        "- **Environment lock:** " + "ef" * 32,
    ):
        assert f"{line}\n" in text


def test_the_limits_are_those_that_were_found() -> None:
    limits = card().partition("## Limits that were found\n")[2].partition("\n## ")[0]

    assert [line.partition(":")[0] for line in limits.strip().splitlines()] == [
        "- A group of rows is worse off than with the champion",
        "- It does not serve",
        "- It does not behave as demanded",
        "- Worse off than with the champion",
        "- Where departure_minute > 1200 and airline in UA, B6 (812 rows), the mean log loss is 0.7321; over all rows "
        "it is 0.5187.",
        "- Where low_visibility_yesterday > 3.5 (301 rows), the mean log loss is 0.6600; over all rows it is 0.5187.",
        "- Spread very differently in the holdout than in the train part",
        "- Too few rows to judge",
        "- While it was fitted",
    ]
    assert "- Worse off than with the champion: origin_airport LGA (ROC AUC −0.0351)." in limits
    assert "- Too few rows to judge: airline OO, airline HA and senior_citizen (missing)." in limits


def test_behaviour_that_no_gate_looks_at_is_a_limit_too() -> None:
    assert ("- Does not hold everywhere, later departures are later: 93.0 % of the rows, demanded 95.0 %.\n") in card(
        gates=ALL_GATES[:1]
    )
    assert "Does not hold everywhere" not in card()


def test_what_is_not_known_is_left_out() -> None:
    judged = decision(champion=None, measurements=Measurements(), others=())
    text = model_card(declared(), judged)

    assert headings(text) == [
        "What it is for", "Data", "Features", "Training", "Metrics on the holdout", "How it was decided",
        "Where it comes from",
    ]  # fmt: skip
    for missing in ("None", "Yes:", "Seed", "Settings tried", "shuffled"):
        assert missing not in text
    unversioned = CHALLENGER.model_copy(update={"version": ""})
    assert "nightshift reproduce" not in model_card(declared(), decision(challenger=unversioned), Explanation())


@pytest.mark.parametrize("full", [True, False])
def test_every_table_is_whole(full: bool) -> None:
    text = card() if full else model_card(declared(), decision())
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)

    assert len(tables) >= (13 if full else 5)
    for found in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in found.splitlines()}
        assert len(widths) == 1, found
        assert re.fullmatch(r"\|(---:?\|)+", found.splitlines()[1])
    # two lists with nothing between them would become one
    assert not re.search(r"^- .*\n\n- ", text, re.MULTILINE)


def test_names_from_data_become_no_markup() -> None:
    nasty = "<b>|*x*|[a](b)`"
    groups = (FULL.groups[0].model_copy(update={"group": nasty}),)
    text = card(measurements=FULL.model_copy(update={"groups": groups}))

    assert "\\<b>\\|\\*x\\*\\|\\[a\\](b)\\`" in text
    assert nasty not in text


def test_columns_of_numbers_stand_right() -> None:
    rows = [["a", "1 200", "2013-04-02", "–", "+0.1 to −0.2"], ["b", "−3.5 %", "2013-04-03", "7 ms", "–"]]

    assert table(["", "", "", "", ""], rows)[1] == "|---|---:|---|---:|---:|"
    assert table(["a"], []) == []
