"""Groups are the ones a person would name, and each is measured like a holdout of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from include.ml.bootstrap import difference
from include.ml.metrics import Predictions
from include.ml.slices import LARGEST, MISSING, OTHER, grouping, measure_slices
from tests.ml.grouped_rows import grouped_rows


def _members(values: Any, **more: Any) -> dict[str, list[Any]]:
    """Return the values of each group."""
    found = grouping(values, **more)
    listed = list(values)
    return {name: [listed[row] for row in np.flatnonzero(found.of_row == n)] for n, name in enumerate(found.names)}


def test_many_numbers_are_ranges_of_equally_many_rows_named_by_their_ends() -> None:
    charges = [18.25, 20.0, 35.5, 35.55, 60.0, 70.35, 70.4, 80.0, 89.85, 89.9, 100.0, 118.75]
    assert _members(charges) == {
        "18.2 to 35.5": charges[:3],
        "35.5 to 70.3": charges[3:6],
        "70.4 to 89.8": charges[6:9],
        "89.9 to 118.8": charges[9:],
    }


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        (list(range(1, 73)), ["1 to 18", "19 to 36", "37 to 54", "55 to 72"]),
        ([0.0] * 60 + list(range(1, 41)), ["0", "1 to 15", "16 to 40"]),
        ([9.0] * 60 + [1.0, 2.0, 3.0, 4.0, 5.0], ["1 to 9"]),
        ([n / 1e9 for n in range(8)], ["0.0 to 1e-09", "2e-09 to 3e-09", "4e-09 to 5e-09", "6e-09 to 7e-09"]),
        ([1e6 + n / 1000 for n in range(8)], [f"1000000.00{n} to 1000000.00{n + 1}" for n in (0, 2, 4, 6)]),
        (np.linspace(-0.004, 400, 9), ["-0 to 100", "150 to 200", "250 to 300", "350 to 400"]),
    ],
)
def test_ranges_are_told_apart_and_equal_cuts_cut_once(numbers: Any, names: list[str]) -> None:
    found = grouping(numbers)
    assert [name.replace("-0 ", "0 ") for name in found.names] == [name.replace("-0 ", "0 ") for name in names]
    assert set(found.of_row.tolist()) == set(range(len(names)))


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1, 0, 10, 2], ["0", "1", "2", "10"]),
        ([1.0, 0.0, float("nan"), 2.5], ["0", "1", "2.5", MISSING]),
        (pd.Series([1, 0, None, 2], dtype="Int64"), ["0", "1", "2", MISSING]),
        (np.array([1, 0, 0, 1], dtype="float32"), ["0", "1"]),
        (np.array([True, False, True]), ["False", "True"]),
        ([True, False, None, True], ["False", "True", MISSING]),
        ([1, "1", 1.0, "b"], ["1", "b"]),
        (pd.Series(["x", None, "a", None], dtype="category"), ["a", "x", MISSING]),
        ([date(2013, 4, 2), None, date(2013, 4, 1)], ["2013-04-01", "2013-04-02", MISSING]),
        ([None, None], [MISSING]),
        ([float("nan")], [MISSING]),
    ],
)
def test_few_numbers_and_other_values_are_named_as_they_are(values: Any, names: list[str]) -> None:
    found = grouping(values)
    assert list(found.names) == names
    missing = pd.isna(pd.Series(values)).to_numpy()
    assert (found.of_row == len(names) - 1)[missing].all()


def test_the_largest_values_stand_alone_and_the_rest_is_one_group() -> None:
    values = [f"port {n:02d}" for n in range(20) for _ in range(3 + (n in {4, 19}))] + [None]
    found = _members(values)
    assert list(found) == [*(f"port {n:02d}" for n in range(11)), "port 19", OTHER, MISSING]
    assert len(found["port 19"]) == 4
    assert set(found[OTHER]) == {f"port {n:02d}" for n in range(11, 19)}
    assert len(_members(values[: 3 * LARGEST])) == LARGEST
    assert len(_members(values, largest=None)) == 21


def test_an_index_of_its_own_does_not_mix_up_the_rows() -> None:
    values = pd.Series(["b", "a", None, "b"], index=[3, 1, 0, 2])
    assert grouping(values).of_row.tolist() == [1, 0, 2, 1]


def test_each_group_is_measured_like_a_holdout_of_its_own() -> None:
    values, scored = grouped_rows(1, {"east": 400, "west": 90})
    assert scored.champion is not None
    scored = replace(scored, challenger_threshold=0.4)
    east, west = measure_slices("roc_auc", "region", values, scored, min_rows=100)
    rows = values == "east"
    assert (east.column, east.group, east.rows, east.judged) == ("region", "east", 400, True)
    assert east.positive_rate == pytest.approx(scored.labels[rows].mean())
    assert east.challenger == pytest.approx(roc_auc_score(scored.labels[rows], scored.challenger[rows]))
    assert east.champion == pytest.approx(roc_auc_score(scored.labels[rows], scored.champion[rows]))
    assert east.challenger is not None
    assert east.champion is not None
    assert east.gain == pytest.approx(east.challenger - east.champion)
    alone = Predictions(
        scored.labels[rows], scored.days[rows], scored.challenger[rows], scored.champion[rows], 0.4, seed=scored.seed
    )
    found = difference("roc_auc", alone, 0.975, 500)
    assert found is not None
    assert (east.standard_error, east.interval) == (found.standard_error, (found.lower, found.upper))
    assert east.degrees_of_freedom == 13
    assert (west.rows, west.judged) == (90, False)
    assert west.gain is not None
    assert west.interval is not None


def test_answers_of_a_group_are_counted_at_each_models_own_threshold() -> None:
    values, scored = grouped_rows(2, {"east": 300})
    assert scored.champion is not None
    (group,) = measure_slices("accuracy", "region", values, replace(scored, challenger_threshold=0.9), 20)
    assert group.challenger == pytest.approx(((scored.challenger >= 0.9) == scored.labels).mean())
    assert group.champion == pytest.approx(((scored.champion >= 0.5) == scored.labels).mean())


def test_a_lower_loss_is_a_gain() -> None:
    values, scored = grouped_rows(3, {"east": 300, "west": 300}, worse="west")
    for metric in ("log_loss", "brier_score", "roc_auc"):
        west = measure_slices(metric, "region", values, scored, 20)[1]  # type: ignore[arg-type]
        assert west.gain is not None
        assert west.gain < 0
        assert west.interval is not None
        assert west.interval[1] < 0


@pytest.mark.parametrize("label", [0, 1])
def test_a_group_of_one_class_is_shown_without_a_value(label: int) -> None:
    values, scored = grouped_rows(4, {"east": 300, "west": 300})
    one = replace(scored, labels=np.where(values == "west", label, scored.labels))
    east, west = measure_slices("roc_auc", "region", values, one, 20)
    assert east.judged
    assert west.model_dump(exclude_defaults=True) == {
        "column": "region",
        "group": "west",
        "metric": "roc_auc",
        "rows": 300,
        "positive_rate": float(label),
    }


def test_a_group_whose_draws_often_hold_one_class_has_values_and_is_not_judged() -> None:
    values, scored = grouped_rows(5, {"east": 300, "west": 300})
    labels = scored.labels.copy()
    labels[values == "west"] = 0
    labels[np.flatnonzero(values == "west")[0]] = 1
    west = measure_slices("roc_auc", "region", values, replace(scored, labels=labels), 20)[1]
    assert west.gain is not None
    assert (west.standard_error, west.interval, west.judged) == (None, None, False)


def test_without_a_champion_there_is_nothing_to_gain() -> None:
    values, scored = grouped_rows(6, {"east": 300, "west": 30})
    east, west = measure_slices("roc_auc", "region", values, replace(scored, champion=None), 100)
    assert (east.judged, west.judged) == (True, False)
    assert east.challenger is not None
    assert (east.champion, east.gain, east.standard_error, east.interval) == (None, None, None, None)


def test_the_same_rows_give_the_same_answer() -> None:
    values, scored = grouped_rows(7)
    assert measure_slices("f1", "region", values, scored, 100) == measure_slices("f1", "region", values, scored, 100)
