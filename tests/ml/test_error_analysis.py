"""A part where the model errs is found and told in words; luck is not told; nobody is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from include.ml.explanations import MIN_ROWS_SHOWN, WORST_OF_CLASS, Answers, error_slices, worst_errors

ROWS = 6000
NUMERIC = frozenset({"minute", "age"})


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    chance = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "minute": chance.integers(0, 1440, ROWS).astype("float64"),
            "age": np.where(chance.random(ROWS) < 0.2, np.nan, chance.normal(40, 10, ROWS)),
            "airline": chance.choice(["UA", "B6", "AA", "DL", "EV"], ROWS),
            "town": chance.choice([f"t{number}" for number in range(40)], ROWS),
        }
    )
    return frame.astype({"airline": "str", "town": "str"})


def _honest(rows: int = ROWS) -> Answers:
    """Return scores that are the truth: no part is worse but by chance."""
    chance = np.random.default_rng(2)
    return Answers((chance.random(rows) < 0.25).astype(int), np.full(rows, 0.25))


def _wrong(inside: pd.Series) -> Answers:
    """Return honest scores, but in a part where nearly all are positive and are scored as elsewhere."""
    answers = _honest()
    turned = inside.to_numpy() & (np.random.default_rng(3).random(ROWS) < 0.9)
    return Answers(np.where(turned, 1, answers.labels), answers.scores)


def test_a_part_where_the_model_errs_leads_the_list_with_its_numbers(table: pd.DataFrame) -> None:
    inside = (table["minute"] > 1000) & table["airline"].isin(["UA", "B6"])
    answers = _wrong(inside)
    found = error_slices(table, NUMERIC, answers, seed=5)
    worst = found.slices[0]
    assert "airline in" in worst.rule
    assert {"UA", "B6"} == {*worst.rule.split("airline in ")[1].split(" and ")[0].split(", ")}
    (minute,) = [part for part in worst.rule.split(" and ") if "minute" in part]
    assert float(minute.split("minute > ")[1]) == pytest.approx(1000, abs=50)
    assert (found.searched_rows, found.judged_rows) == (ROWS // 2, ROWS // 2)
    assert worst.rows == pytest.approx(inside.sum() / 2, rel=0.15)
    assert worst.positive_rate > 0.85
    assert worst.mean_score == pytest.approx(0.25)
    assert worst.loss == pytest.approx(-0.92 * np.log(0.25) - 0.08 * np.log(0.75), abs=0.06)
    assert worst.overall == pytest.approx(log_loss(answers.labels, answers.scores), abs=0.03)
    assert error_slices(table, NUMERIC, answers, seed=5) == found


def test_where_a_value_is_missing_can_be_such_a_part(table: pd.DataFrame) -> None:
    found = error_slices(table, NUMERIC, _wrong(table["age"].isna()), seed=5)
    assert found.slices[0].rule.split(" and ")[0] == "age is missing"


def test_what_chance_made_worse_is_not_told(table: pd.DataFrame) -> None:
    told = [len(error_slices(table, NUMERIC, _honest(), seed).slices) for seed in range(20)]
    # of eight leaves a trial, one in forty is two standard errors too high
    assert sum(told) <= 8


@pytest.mark.parametrize("rows", [2, 150])
def test_a_holdout_too_small_for_parts_has_none(table: pd.DataFrame, rows: int) -> None:
    found = error_slices(table.iloc[:rows], NUMERIC, _honest(rows), seed=1)
    assert (found.slices, found.judged_rows) == ((), rows // 2)


def test_scores_of_nought_and_one_have_a_finite_loss(table: pd.DataFrame) -> None:
    answers = _honest()
    sure = Answers(answers.labels, (np.arange(ROWS) % 2).astype("float64"))
    assert sure.loss.mean() == pytest.approx(log_loss(sure.labels, sure.scores), rel=1e-12)
    assert np.isfinite([each.loss for each in error_slices(table, NUMERIC, sure, seed=1).slices]).all()


def test_the_worst_rows_are_those_of_each_class_that_a_sort_gives(table: pd.DataFrame) -> None:
    chance = np.random.default_rng(7)
    answers = Answers(chance.integers(0, 2, ROWS), chance.random(ROWS))
    found = worst_errors(table, NUMERIC, answers)
    assert [each.label for each in found] == [1] * WORST_OF_CLASS + [0] * WORST_OF_CLASS
    assert [each.score for each in found[:5]] == sorted(answers.scores[answers.labels == 1])[:5]
    assert [each.score for each in found[5:]] == sorted(answers.scores[answers.labels == 0], reverse=True)[:5]
    for each in found:
        (row,) = np.flatnonzero(answers.scores == each.score)
        for name in ("airline", "town", "minute"):
            assert each.features[name] == table[name].iloc[row]
        age = table["age"].iloc[row]
        assert each.features["age"] == (None if np.isnan(age) else pytest.approx(age, rel=1e-5))


def test_a_category_of_few_rows_is_not_named(table: pd.DataFrame) -> None:
    named = table.copy()
    places = [3, 4]
    named.loc[places[0], "town"] = "Bielefeld"
    named.loc[places[1], "town"] = None
    answers = Answers(np.ones(ROWS, dtype=int), np.full(ROWS, 0.9))
    answers.scores[places] = [0.0, 0.1]
    found = worst_errors(named, NUMERIC, answers)
    assert [each.features["town"] for each in found[:2]] == ["(rare)", None]
    assert {each.label for each in found} == {1}
    shown = {each.features["town"] for each in found[2:]}
    assert all((named["town"] == name).sum() >= MIN_ROWS_SHOWN for name in shown)
