from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from include.config.project import CrossValidation
from include.domain.errors import TrainingError
from include.ml.tuning import random_folds, split, time_folds

FIRST = date(2013, 4, 1)


def _days(rows_of_day: list[int]) -> list[date]:
    return [FIRST + timedelta(days=n) for n, rows in enumerate(rows_of_day) for _ in range(rows)]


@pytest.mark.parametrize(
    ("rows_of_day", "folds"),
    [
        ([10] * 12, 3),
        ([10] * 4, 3),
        ([1000, 1, 1, 1], 3),
        ([1, 1, 1, 1000], 3),
        ([1, 500, 1, 500, 1, 1, 30], 5),
        ([3, 50, 8, 8, 90, 2, 2, 2], 2),
    ],
)
def test_no_fold_learns_from_its_future_and_no_day_is_divided(rows_of_day: list[int], folds: int) -> None:
    days = np.array(_days(rows_of_day))
    random = np.random.default_rng(0)
    shuffled = random.permutation(days)
    for order in (days, shuffled):
        made = time_folds(order.tolist(), folds)
        assert len(made) == folds
        for fold in made:
            assert len(fold.train) and len(fold.validation)
            assert order[fold.train].max() < order[fold.validation].min()
        for earlier, later in pairwise(made):
            assert set(later.train) == set(earlier.train) | set(earlier.validation)
        assert set(made[-1].train) | set(made[-1].validation) == set(range(len(order)))


def test_blocks_hold_about_the_same_number_of_rows() -> None:
    made = time_folds(_days([10] * 12), 3)
    assert [(len(fold.train), len(fold.validation)) for fold in made] == [(30, 30), (60, 30), (90, 30)]


def test_days_may_be_iso_text() -> None:
    days = _days([5] * 8)
    for dates, texts in zip(time_folds(days, 3), time_folds([str(day) for day in days], 3), strict=True):
        assert np.array_equal(dates.validation, texts.validation)


def test_too_few_days_are_refused() -> None:
    with pytest.raises(TrainingError) as caught:
        time_folds(_days([100, 100, 100]), 3)
    assert str(caught.value) == (
        "cross-validation by time: 3 folds need at least 4 days with rows; got: 3 days; "
        "hint: lengthen window.days or lower cross_validation.folds"
    )


def test_random_folds_cover_every_row_once_and_follow_the_seed() -> None:
    labels = np.array([0, 0, 0, 1] * 30)
    made = random_folds(labels, 4, seed=5)
    assert sorted(np.concatenate([fold.validation for fold in made])) == list(range(120))
    for fold in made:
        assert not set(fold.train) & set(fold.validation)
        assert labels[fold.validation].mean() == pytest.approx(0.25, abs=0.04)
    same, other = random_folds(labels, 4, seed=5), random_folds(labels, 4, seed=6)
    assert all(np.array_equal(a.train, b.train) for a, b in zip(made, same, strict=True))
    assert not all(np.array_equal(a.train, b.train) for a, b in zip(made, other, strict=True))


def test_a_rare_class_is_refused() -> None:
    with pytest.raises(TrainingError, match="4 folds need at least 4 rows of each class; got: 2 rows of the rarer"):
        random_folds(np.array([0] * 50 + [1] * 2), 4, seed=1)


def test_a_fold_with_one_class_is_named() -> None:
    days = _days([10] * 4)
    target = [0] * 10 + [0, 1] * 15
    with pytest.raises(TrainingError) as caught:
        split(days, target, CrossValidation(folds=3), seed=1)
    assert str(caught.value) == (
        "cross-validation fold 1 of 3: the train part holds one class only; got: 10 rows; "
        "hint: lengthen window.days or lower cross_validation.folds"
    )


@pytest.mark.parametrize("order", ["time", "random"])
def test_the_declared_order_is_used(order: str) -> None:
    days, target = _days([20] * 6), [0, 1] * 60
    made = split(days, target, CrossValidation(folds=2, order=order), seed=1)
    looks_back = all(fold.train.max() < fold.validation.min() for fold in made)
    assert looks_back is (order == "time")
