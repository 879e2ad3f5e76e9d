"""Messages have five parts in one order, and leave out the empty ones."""

from __future__ import annotations

import inspect

import pytest

from include.config import errors
from include.config.errors import DeclarationError, NightshiftError, Problem, SettingsError, did_you_mean, shorten


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
