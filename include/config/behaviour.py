"""Say how a model must behave when rows are changed: what a project's `behaviour.py` imports.

Both kinds come from M. T. Ribeiro, T. Wu, C. Guestrin and S. Singh, Beyond Accuracy: Behavioral Testing of NLP Models
with CheckList, 2020. A test changes rows of the holdout and looks at how their scores move. Its `change` takes a frame
of features (and protected columns) and returns that frame with other values: the same rows, the same columns. Only rows
that it really changed count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from include.domain.errors import ProjectCodeError

# a frame of features to the same frame with other values; pandas is too heavy to be imported here
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Invariance:
    """Demand that a change that may not matter does not move the score.

    Attributes:
        name: What the test says, as it is shown: "the day of delivery does not matter".
        change: Changes the rows.
        tolerance: By at most this a score may move.
        share: The least share of the changed rows in which that holds.
    """

    name: str
    change: Change
    tolerance: float = 1e-9
    share: float = 1.0

    def __post_init__(self) -> None:
        _check(self.name, self.change, self.share)
        _check_bound(self.name, "tolerance", self.tolerance)


@dataclass(frozen=True)
class Directional:
    """Demand that a change that must matter moves the score in one direction, or at least not in the other.

    Attributes:
        name: What the test says, as it is shown: "a heavier parcel is no more punctual".
        change: Changes the rows.
        expected: Where the score goes.
        by: By at least this; 0 lets it stay where it is.
        share: The least share of the changed rows in which that holds.
    """

    name: str
    change: Change
    expected: Literal["up", "down"]
    by: float = 0.0
    share: float = 1.0

    def __post_init__(self) -> None:
        _check(self.name, self.change, self.share)
        _check_bound(self.name, "by", self.by)
        if self.expected not in ("up", "down"):
            raise ProjectCodeError(
                f"the test '{self.name}'", "expected is one of two words", got=self.expected, allowed=("up", "down")
            )


Test = Invariance | Directional


def _check(name: object, change: object, share: float) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ProjectCodeError("a test's name", "it says what the test demands", got=repr(name))
    if not callable(change):
        raise ProjectCodeError(f"the test '{name}'", "change is a function of a frame", got=repr(change))
    if not 0 < share <= 1:
        raise ProjectCodeError(f"the test '{name}'", "share is above 0 and at most 1", got=share)


def _check_bound(name: str, field: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ProjectCodeError(f"the test '{name}'", f"{field} is between 0 and 1, as scores are", got=value)
