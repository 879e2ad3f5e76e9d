"""The words of a rule name exactly the rows that its codes do."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from include.ml.explanations import RARE, Coding, code, words

ROWS = 600


def _numbers_in_words(rule: str, values: pd.Series) -> np.ndarray:
    """Return which rows a rule about a number names, read from its words."""
    if rule == "x is missing":
        return values.isna().to_numpy()
    if rule == "x is known":
        return values.notna().to_numpy()
    between = re.fullmatch(r"(?:(\S+) < )?x(?: <= (\S+))?( \(or missing\))?", rule)
    above = re.fullmatch(r"x > (\S+)", rule)
    low = above[1] if above else between[1] if between else None
    high = between[2] if between else None
    inside = np.ones(len(values), dtype=bool)
    if low is not None:
        inside &= (values > float(low)).to_numpy()
    if high is not None:
        inside &= (values <= float(high)).to_numpy()
    return inside | values.isna().to_numpy() if between and between[3] else inside


def _names_in_words(rule: str, values: pd.Series) -> np.ndarray:
    """Return which rows a rule about a category names, read from its words."""
    read = re.fullmatch(r"x (is not|is|not in|in) (.*)", rule)
    assert read is not None, rule
    inside = values.isin(read[2].split(", ")).to_numpy()
    return ~inside if "not" in read[1] else inside


@pytest.mark.parametrize("gaps", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_every_range_of_a_number_is_what_its_words_say(gaps: float, scale: float) -> None:
    chance = np.random.default_rng(4)
    values = pd.Series(np.where(chance.random(ROWS) < gaps, np.nan, scale * chance.normal(size=ROWS)), name="x")
    coding = code(values, True, np.arange(0, ROWS, 2), np.zeros(ROWS // 2))
    assert coding.length > 10 or gaps == 1.0
    said = set()
    for low in range(coding.length):
        for high in range(low, coding.length):
            if (low, high) == (0, coding.length - 1) or (low == 0 and high > 0 and gaps == 0):
                continue
            rule = words(coding, low, high)
            said.add(rule)
            inside = (coding.codes >= low) & (coding.codes <= high)
            assert np.array_equal(_numbers_in_words(rule, values), inside), rule
    assert "x is missing" in said


@pytest.mark.parametrize("n_names", [2, 3, 6, 12])
def test_every_range_of_categories_is_what_its_words_say(n_names: int) -> None:
    chance = np.random.default_rng(n_names)
    values = pd.Series(chance.choice([f"v{each}" for each in range(n_names)], ROWS), name="x", dtype="str")
    values[chance.random(ROWS) < 0.1] = None
    # one that is rare, and one that only the other rows have
    values[0], values[1] = "once", "unseen"
    learnt = np.arange(0, ROWS, 2)
    coding = code(values, False, learnt, chance.random(len(learnt)))
    assert {*coding.names} == {*(f"v{each}" for each in range(n_names)), "(missing)", RARE}
    shown = values.fillna("(missing)").replace(["once", "unseen"], RARE)
    for low in range(coding.length):
        for high in range(low, coding.length):
            inside = (coding.codes >= low) & (coding.codes <= high)
            rule = words(coding, low, high)
            if " more" not in rule and not inside.all():
                assert np.array_equal(_names_in_words(rule, shown), inside), rule


def test_categories_are_in_the_order_of_their_loss_and_written_the_commonest_first() -> None:
    values = pd.Series(["a"] * 20 + ["b"] * 40 + ["c"] * 30 + ["d"] * 3 + [None] * 15, name="airline", dtype="str")
    loss = np.repeat([0.9, 0.1, 0.5, 0.7, 0.3], [20, 40, 30, 3, 15])
    coding = code(values, False, np.arange(len(values)), loss)
    assert coding.names == ("b", "(missing)", "c", RARE, "a")
    assert coding.often == ("b", "c", "a", "(missing)", RARE)
    assert words(coding, 2, 4) == "airline not in b, (missing)"
    assert words(coding, 4, 4) == "airline is a"
    assert words(coding, 0, 3) == "airline is not a"
    assert words(coding, 3, 4) == "airline in a, (rare)"


def test_long_lists_of_names_are_cut() -> None:
    names = tuple("abcdefghijklmnop")
    coding = Coding("x", np.zeros(1), names=names, often=names)
    assert words(coding, 0, 7) == "x in a, b, c, d, e, f and 2 more"
    assert words(coding, 0, 8) == "x not in j, k, l, m, n, o and 1 more"


def test_numbers_are_written_as_they_are_cut() -> None:
    coding = Coding("fare", np.zeros(1), ends=(1.5, 1200.0, 1234570.0), missing=True)
    found = [words(coding, low, high) for low, high in ((0, 0), (0, 1), (1, 1), (1, 4), (2, 3), (3, 4), (4, 4))]
    assert found == [
        "fare is missing",
        "fare <= 1.5 (or missing)",
        "fare <= 1.5",
        "fare is known",
        "1.5 < fare <= 1.23457e+06",
        "fare > 1200",
        "fare > 1.23457e+06",
    ]
    whole = Coding("fare", np.zeros(1), ends=(1.5, 1200.0))
    assert words(whole, 0, 1) == "fare <= 1.5"
