"""Declare how pages call a project's rows and write its values; nothing that is judged depends on it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from include.config.closed import Closed

Noun = Annotated[str, StringConstraints(pattern=r"^\w[\w '-]{0,39}$")]
# minutes since midnight as 20:05; a share as 12.5 %; money with two decimals, in the currency of `value`
DisplayFormat = Literal["time_of_day", "percent", "money"]


class RowName(Closed):
    """Say what one row is, as sentences name it: "1 flight", "12 874 flights".

    Attributes:
        one: A single one.
        many: Several, or none.
    """

    one: Noun = "row"
    many: Noun = "rows"

    def of(self, number: int) -> str:
        """Return the noun that goes with a number."""
        return self.one if number == 1 else self.many
