"""Report several bad days as one error, counted and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from include.config.errors import MAX_EXAMPLES, NightshiftError

AnyError = TypeVar("AnyError", bound=NightshiftError)


def several(
    kind: type[AnyError],
    where: str,
    what: str,
    refused: Sequence[tuple[date, str]],
    *,
    total: int,
    allowed: Sequence[str] = (),
    hint: str = "",
) -> AnyError:
    """Return one error of class `kind` for all refused days; the text of at most `MAX_EXAMPLES` of them is in it.

    Args:
        kind: The error's class.
        where: Project and stage.
        what: What is wrong with the days, after "3 of 40 days".
        refused: Day and text, in order.
        total: How many days were looked at.
        allowed: What would have been accepted.
        hint: The likely fix.
    """
    shown = "; ".join(f"[{day}] {text}" for day, text in refused[:MAX_EXAMPLES])
    left_out = len(refused) - MAX_EXAMPLES
    return kind(
        where,
        f"{len(refused)} of {total} days {what}",
        got=f"{shown} (+{left_out} more days)" if left_out > 0 else shown,
        allowed=allowed,
        hint=hint,
    )
