"""Report several bad days as one error: equal causes together, counted and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from include.config.errors import MAX_EXAMPLES, NightshiftError, in_days, same_cause

AnyError = TypeVar("AnyError", bound=NightshiftError)


def several(
    kind: type[AnyError],
    where: str,
    what: str,
    refused: Sequence[tuple[date, str]],
    *,
    total: int,
    allowed: Sequence[str] = (),
    causes: Sequence[str] = (),
    hint: str = "",
) -> AnyError:
    """Return one error of class `kind` for all refused days, with the texts of at most `MAX_EXAMPLES` causes.

    Days of one cause are one text, that of the first of them: "[31 days (2026-01-01 to 2026-01-31)] no file".

    Args:
        kind: The error's class.
        where: Project and stage.
        what: What is wrong with the days, after "3 of 40 days".
        refused: Day and text, in order.
        total: How many days were looked at.
        allowed: What would have been accepted.
        causes: Of each refused day, what its text comes from; without them, texts that differ in days and numbers
            alone have one cause.
        hint: The likely fix.
    """
    groups: dict[str, list[tuple[date, str]]] = {}
    for (day, text), cause in zip(refused, causes or [same_cause(text) for _, text in refused], strict=True):
        groups.setdefault(cause, []).append((day, text))
    told = list(groups.values())
    shown = "; ".join(f"[{in_days(day for day, _ in group)}] {_text(group)}" for group in told[:MAX_EXAMPLES])
    left_out = sum(len(group) for group in told[MAX_EXAMPLES:])
    return kind(
        where,
        f"{len(refused)} of {total} days {what}",
        got=f"{shown} (+{left_out} more days)" if left_out > 0 else shown,
        allowed=allowed,
        hint=hint,
    )


def _text(group: Sequence[tuple[date, str]]) -> str:
    (day, first), texts = group[0], {text for _, text in group}
    return first if len(texts) == 1 or str(day) in first else f"on {day}: {first}"
