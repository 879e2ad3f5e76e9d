"""Look at money: what the challenger's answers at its threshold earn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from include.config.gates.base import (
    Evidence,
    SwitchableGate,
    not_applicable,
    not_measured,
    result,
)
from include.domain.decision import GateResult
from include.domain.evidence import OperatingPoint

QUANTITY = "value_per_1000"


class ValueGate(SwitchableGate):
    """Pass when acting on the model's answers earns money, and no less than with the champion.

    In force wherever the threshold is chosen by `value`.
    It must always earn more than the better of "yes to all" and "no to all".

    Attributes:
        kind: `value`.
        min_gain: By how much more, in `value.currency`, for 1,000 rows.
        max_loss: By how much 1,000 rows may earn less than with the champion; left out, it is not compared.
    """

    kind: Literal["value"]
    min_gain: float = Field(default=0.0, ge=0)
    max_loss: float | None = Field(default=None, ge=0)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge what 1,000 rows earn: against the better answer that is the same for all, and against the champion.

        The first passes only with a gain: a model that says the same to everyone earns nothing by its scores.
        """
        money, ours = evidence.measurements.money, evidence.measurements.points.get("challenger")
        if money is None or ours is None or ours.value_per_1000 is None:
            return (not_measured(self, _gained(self), "no money was counted", (QUANTITY, "")),)
        found = (_over_the_same_for_all(self, evidence, ours.value_per_1000),)
        if self.max_loss is None:
            return found
        return (*found, _beside_the_champion(self, evidence, ours.value_per_1000, self.max_loss))


def _over_the_same_for_all(gate: ValueGate, evidence: Evidence, earned: float) -> GateResult:
    money = evidence.measurements.money
    assert money is not None
    same, bound = money.always_the_same, money.always_the_same + gate.min_gain
    return result(
        gate,
        f"{'>=' if gate.min_gain else '>'} {bound:.6g}",
        earned,
        earned >= bound and earned > same,
        quantity=(QUANTITY, money.currency),
        reference=same,
        note=f"{'yes' if money.all_yes else 'no'} to all earns {same:.6g}",
    )


def _beside_the_champion(gate: ValueGate, evidence: Evidence, earned: float, max_loss: float) -> GateResult:
    money, theirs = evidence.measurements.money, _earned(evidence.measurements.points.get("champion"))
    quantity = (QUANTITY, money.currency if money else "")
    less = f" - {max_loss:.6g}" if max_loss else ""
    if evidence.champion is None:
        return not_applicable(gate, f">= champion{less}", evidence.no_champion, earned, quantity=quantity)
    if theirs is None:
        return not_measured(gate, f">= champion{less}", "what the champion earns was not counted", quantity)
    bound = theirs - max_loss
    return result(gate, f">= {bound:.6g}", earned, earned >= bound, quantity=quantity, reference=theirs)


def _earned(point: OperatingPoint | None) -> float | None:
    return None if point is None else point.value_per_1000


def _gained(gate: ValueGate) -> str:
    more = f" + {gate.min_gain:.6g}" if gate.min_gain else ""
    return f"{'>=' if gate.min_gain else '>'} the same answer for all{more}"
