"""A test of behaviour is counted over the rows that it changed, and names one in which it does not hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.config.behaviour import Directional, Invariance
from include.ml.behaviour import changed, check, holds

ROWS = pd.DataFrame(
    {
        "weight": [1.0, np.nan, 3.0],
        "city": pd.Series(["Bonn", None, "Oslo"], dtype="str"),
        "age_band": [1, 2, 3],
    }
)


def same(rows: Any) -> Any:
    return rows


def test_missing_values_are_like_each_other_and_like_nothing_else() -> None:
    after = ROWS.assign(weight=[1.0, np.nan, np.nan], city=pd.Series(["Bonn", "Lyon", "Oslo"], dtype="str"))
    assert changed(ROWS, ROWS.copy()).to_numpy().any() == np.False_
    assert changed(ROWS, after).to_numpy().tolist() == [
        [False, False, False],
        [False, True, False],
        [True, False, False],
    ]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        # the scores move by 0, +0.1, -0.1 and to nothing at all
        (Invariance("a", same), [True, False, False, False]),
        (Invariance("a", same, tolerance=0.1), [True, True, True, False]),
        (Directional("a", same, "up"), [True, True, False, False]),
        (Directional("a", same, "down"), [True, False, True, False]),
        (Directional("a", same, "up", by=0.1), [False, True, False, False]),
        (Directional("a", same, "up", by=0.2), [False, False, False, False]),
    ],
)
def test_a_score_may_move_only_as_demanded(test: Any, expected: list[bool]) -> None:
    before, after = np.full(4, 0.5), np.array([0.5, 0.6, 0.4, np.nan])
    assert holds(test, before, after).tolist() == expected


@pytest.mark.parametrize(("share", "passed"), [(0.6, True), (0.7, False)])
def test_the_share_of_the_rows_decides(share: float, passed: bool) -> None:
    test = Directional("heavier", same, "up", share=share)
    after = ROWS.assign(weight=[2.0, 2.0, 2.0])
    found = check(test, (ROWS, after), (np.array([0.5, 0.5, 0.5]), np.array([0.6, 0.6, 0.4])))
    assert (found.name, found.kind, found.rows, found.passed) == ("heavier", "directional", 3, passed)
    assert (found.held, found.needed) == (pytest.approx(2 / 3), share)


def test_the_worst_row_is_the_example_and_names_nobody() -> None:
    after = ROWS.assign(weight=[2.0, 2.0, 2.0], age_band=9)
    scores = (np.array([0.5, 0.5, 0.5]), np.array([0.45, 0.2, 0.6]))
    found = check(Directional("heavier", same, "up"), (ROWS, after), scores, unnamed={"age_band"})
    assert found.example == "score 0.5 became 0.2 with weight from (missing) to 2 (where city (missing))"
    held = check(Directional("heavier", same, "down"), (ROWS.head(2), after.head(2)), (scores[0][:2], scores[1][:2]))
    assert (held.passed, held.example) == (True, "")


def test_an_example_whose_change_may_not_be_shown_says_so() -> None:
    after = ROWS.assign(age_band=9)
    scores = (np.array([0.5, 0.5, 0.5]), np.array([0.5, 0.5, 0.7]))
    found = check(Invariance("age", same), (ROWS, after), scores, unnamed={"age_band"})
    assert found.example == "score 0.5 became 0.7 with columns that are not shown (where weight 3, city Oslo)"


def test_a_score_that_is_no_number_is_the_worst() -> None:
    scores = (np.array([0.5, 0.5, 0.5]), np.array([0.9, np.nan, 0.5]))
    found = check(Invariance("a", same), (ROWS, ROWS.assign(weight=0.0)), scores)
    assert found.held == pytest.approx(1 / 3)
    assert found.example.startswith("score 0.5 became nan")


def test_no_changed_row_proves_nothing() -> None:
    nothing = np.empty(0)
    found = check(Invariance("a", same), (ROWS.head(0), ROWS.head(0)), (nothing, nothing))
    assert (found.rows, found.passed, found.example) == (0, False, "no row was changed")
