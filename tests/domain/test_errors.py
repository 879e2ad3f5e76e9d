"""Messages have five parts in one order, and leave out the empty ones."""

from __future__ import annotations

import inspect
from datetime import date, timedelta

import pytest

from include.domain import errors
from include.domain.errors import (
    DeclarationError,
    NightshiftError,
    Problem,
    SettingsError,
    did_you_mean,
    in_days,
    same_cause,
    shorten,
)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml: days", "is wrong"), "a.yaml: days: is wrong"),
        (
            Problem("a.yaml: days", "is wrong", "2", ("b", "a"), "Did you mean 'a'?"),
            "a.yaml: days: is wrong; got: 2; allowed: a, b; hint: Did you mean 'a'?",
        ),
        (Problem("a.yaml", "is wrong", "", (), "mend it"), "a.yaml: is wrong; hint: mend it"),
    ],
)
def test_the_parts_stand_in_order(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_at_most_ten_allowed_values_are_shown_sorted() -> None:
    assert shorten(["b", "a"]) == "a, b"
    assert shorten(str(number) for number in range(12)) == "0, 1, 10, 11, 2, 3, 4, 5, 6, 7 (+2 more)"


@pytest.mark.parametrize(("word", "hint"), [("roc_auk", "Did you mean 'roc_auc'?"), ("zebra", "")])
def test_did_you_mean_offers_only_near_words(word: str, hint: str) -> None:
    assert did_you_mean(word, ["roc_auc", "log_loss"]) == hint


def test_an_error_carries_its_parts() -> None:
    error = SettingsError("port", "is taken", got=8080, allowed=("1-65535",), hint="set another")

    assert str(error) == "port: is taken; got: 8080; allowed: 1-65535; hint: set another"
    assert error.problem == Problem("port", "is taken", "8080", ("1-65535",), "set another")


def test_a_declaration_error_says_all_problems() -> None:
    error = DeclarationError([Problem("a", "one"), Problem("b", "two")])

    assert str(error) == "a: one\nb: two"
    assert [problem.where for problem in error.problems] == ["a", "b"]


def test_every_failure_has_one_base_says_what_it_is_and_ends_in_error() -> None:
    classes = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]

    assert len(classes) > 15
    for failure in classes:
        assert issubclass(failure, NightshiftError)
        assert failure.__name__.endswith("Error")
        assert isinstance(failure.retryable, bool)
        assert failure.__doc__
    assert not DeclarationError.retryable
    assert errors.StoreError.retryable


def test_days_are_named_by_their_ranges() -> None:
    first = date(2026, 1, 30)
    days = [first + timedelta(days=number) for number in range(4)]
    assert in_days([first]) == "2026-01-30"
    assert in_days(reversed(days)) == "4 days (2026-01-30 to 2026-02-02)"
    assert in_days([*days, date(2026, 3, 1)]) == "5 days (2026-01-30 to 2026-02-02, 2026-03-01)"
    scattered = [first + timedelta(days=2 * number) for number in range(8)]
    assert in_days(scattered).startswith("8 days (2026-01-30, 2026-02-01, ")
    assert in_days(scattered).endswith(" (+3 more))")


def test_messages_that_differ_in_days_and_numbers_have_one_cause() -> None:
    told = [f"shop/2026-01-{day:02}: {day} of 60 rows, mean 0.{day}, at 2026-01-{day:02}T00:00" for day in (1, 9, 31)]
    assert len({same_cause(text) for text in told}) == 1
    assert same_cause("column a: empty") != same_cause("column b: empty")
