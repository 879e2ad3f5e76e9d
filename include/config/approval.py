"""Declare how a person is asked before a proved candidate is promoted, and what one run may ask for instead."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from include.config.closed import Closed
from include.config.errors import SettingsError
from include.config.results import PromotionMode

MAX_TIMEOUT_HOURS = 24 * 30


class Approval(Closed):
    """Say how a person is asked, where the mode is `approval`.

    Attributes:
        timeout_hours: How long the run waits for an answer.
        on_timeout: What no answer means: `hold` promotes nothing, `promote` promotes unless it was overtaken.
    """

    timeout_hours: float = Field(default=24.0, ge=0.01, le=MAX_TIMEOUT_HOURS)
    on_timeout: Literal["hold", "promote"] = "hold"


def no_looser_than(declared: PromotionMode) -> tuple[PromotionMode, ...]:
    """Return the modes that a run may ask for: the declared one, and those that promote less, the loosest first."""
    modes: tuple[PromotionMode, ...] = get_args(PromotionMode)
    return modes[modes.index(declared) :]


def stricter(one: PromotionMode, other: PromotionMode) -> PromotionMode:
    """Return that of two modes which promotes less."""
    return one if one in no_looser_than(other) else other


def mode_in_force(project: str, declared: PromotionMode, asked: PromotionMode | None) -> PromotionMode:
    """Return the mode of one run: what it asks for, or what is declared.

    Args:
        project: Its name.
        declared: Its `promotion.mode`.
        asked: What the run's form, configuration or inputs say; None for what is declared.

    Raises:
        SettingsError: The run asks for less care than is declared. A person may promote by hand: the ledger keeps who
            did it and why.
    """
    if asked is None or asked in no_looser_than(declared):
        return asked or declared
    raise SettingsError(
        f"{project}: promotion_mode of this run",
        f"a run may only tighten what project.yaml declares, which is promotion.mode: {declared}",
        got=asked,
        allowed=no_looser_than(declared),
        hint=f"put a version in force by hand, with a reason that the ledger keeps: ./nightshift promote {project} "
        "VERSION --reason ...; or declare another promotion.mode",
    )
