"""McNemar's test is the binomial's for few disagreements and the corrected chi-square for many."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from include.ml.paired_tests import MIN_FOR_CHI_SQUARE, mcnemar


def _disagreeing(won: int, lost: int, agreed: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels of both classes and scores around 0.5 of which `won` favour the challenger and `lost` do not."""
    labels = np.arange(won + lost + agreed) % 2
    right, wrong = np.where(labels == 1, 0.8, 0.2), np.where(labels == 1, 0.2, 0.8)
    row = np.arange(len(labels))
    challenger = np.where((row >= won) & (row < won + lost), wrong, right)
    champion = np.where(row < won, wrong, right)
    return labels, challenger, champion


def _corrected_chi_square(won: int, lost: int) -> float:
    statistic = (abs(won - lost) - 1) ** 2 / (won + lost)
    # a chi-square of one degree of freedom is the square of a normal
    return math.erfc(math.sqrt(statistic / 2))


@pytest.mark.parametrize(("won", "lost"), [(1, 0), (0, 5), (7, 3), (3, 7), (6, 6), (1, 23), (14, 10)])
def test_few_disagreements_are_judged_by_the_binomial(won: int, lost: int) -> None:
    found = mcnemar(*_disagreeing(won, lost), 0.5, 0.5)
    assert found.p_value == pytest.approx(binomtest(won, won + lost, 0.5).pvalue, abs=1e-12, rel=0)
    assert found.statistic == min(won, lost)


@pytest.mark.parametrize(("won", "lost"), [(15, 10), (0, 25), (13, 14), (300, 260), (40, 95)])
def test_many_disagreements_are_judged_by_the_corrected_chi_square(won: int, lost: int) -> None:
    found = mcnemar(*_disagreeing(won, lost), 0.5, 0.5)
    assert found.p_value == pytest.approx(_corrected_chi_square(won, lost), abs=1e-12, rel=0)
    assert found.statistic == min(won, lost)


@pytest.mark.parametrize("lost", range(4, MIN_FOR_CHI_SQUARE // 2))
def test_the_two_are_close_where_one_takes_over(lost: int) -> None:
    below = mcnemar(*_disagreeing(MIN_FOR_CHI_SQUARE - 1 - lost, lost), 0.5, 0.5).p_value
    above = mcnemar(*_disagreeing(MIN_FOR_CHI_SQUARE - lost, lost), 0.5, 0.5).p_value
    exact = binomtest(lost, MIN_FOR_CHI_SQUARE, 0.5).pvalue
    assert above == pytest.approx(exact, abs=0.01)
    assert above < below


@pytest.mark.parametrize("each", [0, 1, 12, 13, 500])
def test_as_many_won_as_lost_has_p_1(each: int) -> None:
    found = mcnemar(*_disagreeing(each, each), 0.5, 0.5)
    assert (found.gain, found.statistic, found.p_value) == (0.0, each, 1.0)


def test_the_gain_is_the_difference_of_the_accuracies() -> None:
    found = mcnemar(*_disagreeing(won=9, lost=4, agreed=87), 0.5, 0.5)
    assert found.gain == pytest.approx(0.05)
    assert (found.name, found.metric) == ("McNemar", "accuracy")
    assert "independent" in found.note


def test_the_models_change_places_and_only_the_sign_of_the_gain_changes() -> None:
    labels, challenger, champion = _disagreeing(won=21, lost=11)
    one, other = mcnemar(labels, challenger, champion, 0.5, 0.5), mcnemar(labels, champion, challenger, 0.5, 0.5)
    assert one.gain > 0
    assert other == one.model_copy(update={"gain": -one.gain})


def test_each_model_has_its_own_threshold() -> None:
    labels = [1, 1, 1, 0, 0, 0]
    scores = [0.9, 0.6, 0.3, 0.6, 0.3, 0.1]
    # two errors at 0.3, on negatives; two at 0.6, one on each class; three at 0.95, where nothing is a 1
    one = mcnemar(labels, scores, scores, 0.3, 0.6)
    assert (one.gain, one.statistic, one.p_value) == (0.0, 1, 1.0)
    other = mcnemar(labels, scores, scores, 0.3, 0.95)
    assert (other.gain, other.statistic) == (pytest.approx(1 / 6), 2)
    assert other.p_value == pytest.approx(binomtest(3, 5).pvalue, abs=1e-12)


def test_a_score_on_the_threshold_is_a_one() -> None:
    found = mcnemar([1, 1, 0], [0.4, 0.4, 0.1], [0.4, 0.4, 0.1], 0.4, np.nextafter(0.4, 1))
    assert (found.gain, found.statistic) == (pytest.approx(2 / 3), 0)
