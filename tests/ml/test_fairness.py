"""Rates of groups and their differences are those counted row by row, and chance raises no alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.domain.evidence import Fairness
from include.ml.slices import MISSING, fairness


def _rows(rows: int = 400, seed: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return groups of different sizes, labels and scores that differ by group; 0.4 is a score that occurs."""
    chance = np.random.default_rng(seed)
    number = chance.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    labels = (chance.random(rows) < 0.3).astype(int)
    scores = np.clip(chance.random(rows) * 0.6 + 0.2 * labels + 0.05 * number, 0, 1).round(1)
    return np.array(["north", "east", "south", "west"])[number], labels, scores


def _counted(groups: Any, labels: Any, scores: Any, threshold: float) -> dict[str, tuple[float, float, float]]:
    """Return selection rate, true and false positive rate of each group."""
    rates = {}
    for name in set(groups.tolist()):
        rows = [(int(y), score >= threshold) for g, y, score in zip(groups, labels, scores, strict=True) if g == name]
        positives, negatives = [said for y, said in rows if y], [said for y, said in rows if not y]
        rates[name] = (
            sum(said for _, said in rows) / len(rows),
            sum(positives) / len(positives),
            sum(negatives) / len(negatives),
        )
    return rates


def _spread(values: list[float]) -> float:
    return max(values) - min(values)


def _judge(groups: Any, labels: Any, scores: Any, min_rows: int = 1) -> Fairness:
    return fairness("region", groups, labels, scores, threshold=0.5, min_rows=min_rows)


@pytest.mark.parametrize("threshold", [0.2, 0.4, 0.5])
def test_rates_and_differences_are_those_counted_row_by_row(threshold: float) -> None:
    groups, labels, scores = _rows()
    found = fairness("region", groups, labels, scores, threshold, min_rows=1)
    counted = _counted(groups, labels, scores, threshold)
    assert [group.group for group in found.groups] == ["east", "north", "south", "west"]
    for group in found.groups:
        rates = (group.selection_rate, group.true_positive_rate, group.false_positive_rate)
        assert rates == pytest.approx(counted[group.group], abs=1e-12)
        assert group.rows == int((groups == group.group).sum())
        assert group.judged
    chosen, true, false = zip(*counted.values(), strict=True)
    assert found.demographic_parity_difference == pytest.approx(_spread(chosen), abs=1e-12)
    assert found.equalized_odds_difference == pytest.approx(max(_spread(true), _spread(false)), abs=1e-12)


def test_a_small_group_is_shown_but_not_judged() -> None:
    groups, labels, scores = _rows()
    # whoever is in the smallest group is selected: the widest difference, were it judged
    scores = np.where(groups == "west", 0.9, scores)
    size = int((groups == "west").sum())
    found = _judge(groups, labels, scores, min_rows=size + 1)
    assert [group.judged for group in found.groups] == [True, True, True, False]
    assert found.groups[3].selection_rate == 1.0
    without = _judge(*(values[groups != "west"] for values in (groups, labels, scores)))
    assert found.demographic_parity_difference == without.demographic_parity_difference
    assert found.equalized_odds_difference == without.equalized_odds_difference
    judged = _judge(groups, labels, scores, min_rows=size)
    assert judged.groups[3].judged
    assert (judged.demographic_parity_difference or 0) > (found.demographic_parity_difference or 0)


@pytest.mark.parametrize(("groups", "min_rows"), [(["a"] * 4, 1), (["a", "b", "b", "b"], 2), (["a", "a", "b", "b"], 3)])
def test_fewer_than_two_judged_groups_have_no_difference(groups: list[str], min_rows: int) -> None:
    found = _judge(groups, [0, 1, 0, 1], [0.1, 0.9, 0.9, 0.1], min_rows)
    assert (found.demographic_parity_difference, found.equalized_odds_difference) == (None, None)
    assert len(found.groups) == len(set(groups))


@pytest.mark.parametrize(("label", "known"), [(0, "false_positive_rate"), (1, "true_positive_rate")])
def test_a_judged_group_of_one_class_has_one_rate_and_no_equalized_odds(label: int, known: str) -> None:
    groups, labels, scores = ["a"] * 4 + ["b"] * 2, [0, 0, 1, 1, label, label], [0.1, 0.9, 0.1, 0.9, 0.9, 0.9]
    found = _judge(groups, labels, scores)
    rates = {"true_positive_rate": None, "false_positive_rate": None, known: 1.0}
    assert found.groups[1].model_dump(include=set(rates)) == rates
    assert found.demographic_parity_difference == 0.5
    assert found.equalized_odds_difference is None


def test_a_group_of_one_class_that_is_not_judged_does_not_stand_in_the_way() -> None:
    groups, labels, scores = list("aabbc"), [0, 1, 0, 1, 1], [0.1, 0.9, 0.9, 0.9, 0.1]
    assert _judge(groups, labels, scores, min_rows=2).equalized_odds_difference == 1.0


@pytest.mark.parametrize(
    "groups",
    [
        pd.Series(["x", None, "a", None], dtype=object),
        pd.Series(["x", None, "a", None]),
        pd.Series(["x", None, "a", None], dtype="category"),
        np.array(["x", float("nan"), "a", None], dtype=object),
        ["x", pd.NA, "a", pd.NaT],
    ],
)
def test_missing_values_are_a_group_that_is_judged_like_any(groups: Any) -> None:
    found = _judge(groups, [0, 1, 0, 1], [0.1, 0.9, 0.1, 0.9])
    assert [(group.group, group.rows, group.judged) for group in found.groups] == [
        ("a", 1, True),
        ("x", 1, True),
        (MISSING, 2, True),
    ]
    assert found.demographic_parity_difference == 1.0


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        ([1, 0, 10, 2], ["0", "1", "2", "10"]),
        ([1.0, 0.0, float("nan"), 2.5], ["0", "1", "2.5", MISSING]),
        ([True, False, None, True], ["False", "True", MISSING]),
    ],
)
def test_groups_are_named_as_slices_are(groups: Any, names: list[str]) -> None:
    assert [group.group for group in _judge(groups, [0, 1, 0, 1], [0.1, 0.9, 0.1, 0.9]).groups] == names


def test_many_ages_are_ranges_and_many_regions_are_each_their_own() -> None:
    ages = np.arange(18, 98)
    labels, scores = ages % 2, ages / 100
    assert [group.group for group in fairness("age", ages, labels, scores, 0.5, 10).groups] == [
        "18 to 37",
        "38 to 57",
        "58 to 77",
        "78 to 97",
    ]
    regions = [f"region {age // 4}" for age in ages]
    assert len(fairness("region", regions, labels, scores, 0.5, 1).groups) == 21


def test_an_index_of_its_own_does_not_mix_up_the_rows() -> None:
    groups, labels, scores = _rows()
    index = np.random.default_rng(0).permutation(len(groups))
    assert _judge(pd.Series(groups, index=index), labels, scores) == _judge(groups, labels, scores)
