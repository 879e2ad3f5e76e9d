"""Numbers and names are written one way on all pages."""

from __future__ import annotations

import pytest

from include.reports.wording import (
    amount,
    chance,
    listed,
    lower_first,
    number,
    of_thousand,
    percent,
    share,
    signed,
)


@pytest.mark.parametrize(
    ("value", "plain", "with_sign", "as_share"),
    [
        (0.65384, "0.6538", "+0.6538", "65.4\u00a0%"),
        (-0.5, "−0.5000", "−0.5000", "−50.0\u00a0%"),
        (None, "–", "–", "–"),
        (float("nan"), "–", "–", "–"),
        (float("inf"), "–", "–", "–"),
    ],
)
def test_numbers_have_four_decimals_and_a_dash_where_there_is_none(
    value: float | None, plain: str, with_sign: str, as_share: str
) -> None:
    assert (number(value), signed(value), share(value)) == (plain, with_sign, as_share)


def test_what_is_rounded_to_nothing_has_no_sign() -> None:
    assert (number(-0.004, 2), number(-0.005001, 2), signed(-0.00001)) == ("0.00", "−0.01", "+0.0000")


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.6538, "", "0.6538"),
        (4.816, "ms", "4.82\u00a0ms"),
        (-118.44, "MB", "−118.4\u00a0MB"),
        (-12345.6, "EUR", "−12\u202f346\u00a0EUR"),
        (None, "ms", "–"),
        (float("nan"), "ms", "–"),
    ],
)
def test_a_quantity_has_its_unit_and_as_many_decimals_as_it_needs(value: float | None, unit: str, written: str) -> None:
    assert amount(value, unit) == written


def test_words_of_sentences() -> None:
    names = ("Log loss", "Brier score", "ROC AUC", "F1", "")
    assert [lower_first(text) for text in names] == ["log loss", *names[1:]]
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [percent(value) for value in (0.95, 0.999, 0.5)] == ["95\u00a0%", "99.9\u00a0%", "50\u00a0%"]
    assert [chance(p) for p in (0.0002, 0.0421)] == ["less than 0.001", "0.042"]
    assert [of_thousand(value) for value in (0, 1.62, 231.4, 9.9999, 3.0)] == ["0", "1.6", "231", "10", "3"]
