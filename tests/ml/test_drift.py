"""The population stability index is that of a slow loop, and finite whatever the scores."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from include.ml.calibration import stability


def _bin_by_bin(challenger: np.ndarray, champion: np.ndarray) -> float:
    """Return the index by asking of every bin which rows lie in it."""
    inner = sorted({float(np.percentile(champion, percent)) for percent in range(10, 100, 10)})
    ends = [-math.inf, *inner, math.inf]
    total = 0.0
    for low, high in pairwise(ends):
        new = max(sum(low < score <= high for score in challenger.tolist()), 0.5) / len(challenger)
        old = max(sum(low < score <= high for score in champion.tolist()), 0.5) / len(champion)
        total += (new - old) * math.log(new / old)
    return total


@pytest.mark.parametrize(("rows", "decimals"), [(1000, 17), (997, 2), (500, 1), (50, 17), (6, 17), (300, 0)])
def test_the_index_is_that_of_a_slow_loop(rows: int, decimals: int) -> None:
    chance = np.random.default_rng(rows)
    champion = chance.beta(2, 5, rows)
    challenger = np.clip(champion * 0.8 + chance.normal(0.1, 0.1, rows), 0, 1).round(decimals)
    champion = champion.round(decimals)
    found = stability(challenger, champion)
    assert found.psi == pytest.approx(_bin_by_bin(challenger, champion), abs=1e-12)
    assert found.challenger_mean == pytest.approx(sum(challenger) / rows, abs=1e-12)
    assert found.champion_mean == pytest.approx(sum(champion) / rows, abs=1e-12)


def test_the_same_scores_in_any_order_are_stable() -> None:
    champion = np.random.default_rng(1).random(200)
    assert stability(champion, champion).psi == 0.0
    assert stability(champion[::-1], champion).psi == 0.0


def test_two_tenths_that_change_places_with_their_rows_are_found_by_hand() -> None:
    champion = np.arange(100) / 100
    # ten rows go from the lowest tenth to the highest: shares 0 (counted as half a row) and 0.2 instead of 0.1 each
    challenger = np.where(champion < 0.095, 0.99, champion)
    expected = (0.005 - 0.1) * math.log(0.005 / 0.1) + (0.2 - 0.1) * math.log(0.2 / 0.1)
    assert stability(challenger, champion).psi == pytest.approx(expected, abs=1e-12)


def test_scores_beyond_all_of_the_champions_fall_into_the_outer_bins() -> None:
    champion = np.linspace(0.4, 0.6, 100)
    stretched = np.where(champion < 0.41, 0.0, np.where(champion > 0.59, 1.0, champion))
    assert stability(stretched, champion).psi == 0.0


def test_a_greater_shift_has_a_greater_index_and_the_least_rows_keep_it_finite() -> None:
    champion = np.random.default_rng(2).uniform(0.3, 0.5, 1000)
    found = [stability(champion + shift, champion).psi for shift in (0.0, 0.01, 0.05, 0.5)]
    assert found == sorted(found)
    assert found[1] < 0.1
    assert found[2] > 0.25
    assert math.isfinite(found[3])


def test_a_champion_of_one_score_leaves_the_rows_above_it_and_the_rest() -> None:
    champion = np.full(100, 0.3)
    assert stability(champion, champion).psi == 0.0
    challenger = np.where(np.arange(100) < 40, 0.8, 0.1)
    expected = (0.6 - 1) * math.log(0.6) + (0.4 - 0.005) * math.log(0.4 / 0.005)
    assert stability(challenger, champion).psi == pytest.approx(expected, abs=1e-12)


def test_scores_that_are_all_ends_of_the_scale_and_a_single_row_have_an_index() -> None:
    assert stability([0.0, 1.0, 1.0], [0.0, 0.0, 1.0]).psi > 0
    assert stability([0.7], [0.7]).psi == 0.0
