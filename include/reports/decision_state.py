"""Tell how challenger, champion and production stand to each other in a decision, and what became of each gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from include.domain.decision import Decision, GateResult
from include.domain.explanation import Explanation


def in_force(decision: Decision) -> str | None:
    """Return the version in production when it was judged, empty where it has none; None when nothing was in force.

    Records of before it was kept know only the champion of the run's own day.
    """
    if decision.in_force_version is None:
        return decision.champion.version if decision.champion else None
    return decision.in_force_version or None


def no_champion_yet(decision: Decision) -> bool:
    """Tell whether nothing was in force when it was judged; a late run may only know that nothing was on its day."""
    if decision.in_force_version is None:
        return decision.champion is None and decision.origin.run_type != "backfill"
    return not decision.in_force_version


def is_champion(decision: Decision) -> bool:
    """Tell whether the challenger is the very champion it was compared with."""
    return decision.champion is not None and decision.champion.candidate_id == decision.challenger.candidate_id


def is_in_production(decision: Decision) -> bool:
    """Tell whether the challenger was in force when it was judged; a late run meets the champion of its own day."""
    if decision.champion is None or not is_champion(decision):
        return False
    if decision.in_force_version is None:
        return decision.origin.run_type != "backfill"
    return decision.in_force_version == decision.champion.version


def meets_the_one_in_production(decision: Decision) -> bool:
    """Tell whether the champion it was compared with was in force; records of before it was kept are taken to."""
    champion = decision.champion
    return champion is not None and decision.in_force_version in (None, champion.version)


def without_itself(decision: Decision, explanation: Explanation) -> tuple[Decision, Explanation]:
    """Return both without what compares a champion with itself: a gain of nothing says nothing, however sure it is."""
    if not is_champion(decision):
        return decision, explanation
    measured = decision.measurements
    alone = measured.model_copy(
        update={
            "differences": (),
            "tests": (),
            "stability": None,
            "points": _ours(measured.points),
            "calibration": _ours(measured.calibration),
            "groups": tuple(
                group.model_copy(update={"champion": None, "gain": None, "interval": None}) for group in measured.groups
            ),
            "money": measured.money and measured.money.model_copy(update={"champion_curve": ()}),
            "runtime": measured.runtime and measured.runtime.model_copy(update={"champion_p95_ms": None}),
        }
    )
    importance = tuple(each.model_copy(update={"champion": None}) for each in explanation.importance)
    shown = {"curves": _ours(explanation.curves), "importance": importance}
    return decision.model_copy(update={"measurements": alone}), explanation.model_copy(update=shown)


def _ours(by_role: dict[str, Any]) -> dict[str, Any]:
    return {role: found for role, found in by_role.items() if role != "champion"}


State = Literal["REJECT", "HOLD", "passed", "not applicable", "off"]
# as tables show them: what decides first
ORDER: tuple[State, ...] = ("REJECT", "HOLD", "passed", "not applicable", "off")


@dataclass(frozen=True)
class GateCount:
    """Count a decision's gates by what became of them."""

    passed: int
    failed: int
    not_applicable: int
    off: int

    @property
    def judged(self) -> int:
        """Return how many gates were judged."""
        return self.passed + self.failed


def gate_state(gate: GateResult) -> State:
    """Return what a gate leads to, or that it leads to nothing."""
    if gate.outcome == "failed":
        return "HOLD" if gate.on_failure == "hold" else "REJECT"
    return "not applicable" if gate.outcome == "not_applicable" else gate.outcome


def gate_order(gates: Iterable[GateResult]) -> list[GateResult]:
    """Return the gates as tables show them: those that reject, that hold, that passed, that judged nothing."""
    return sorted(gates, key=lambda gate: ORDER.index(gate_state(gate)))


def count_gates(gates: Iterable[GateResult]) -> GateCount:
    """Return how many gates passed, failed, had nothing to judge, and are off."""
    found = Counter(gate.outcome for gate in gates)
    return GateCount(found["passed"], found["failed"], found["not_applicable"], found["off"])


def counted(gates: Sequence[GateResult], noun: str = "") -> str:
    """Return the count in words: "27 of 29 passed, 2 failed; 3 not applicable, 1 off"; `noun` follows the number."""
    count = count_gates(gates)
    said = f"{count.passed} of {count.judged}{noun} passed" if count.judged else "none was judged"
    failed = f", {count.failed} failed" if count.failed else ""
    return said + failed + (f"; {left_out(count)}" if left_out(count) else "")


def left_out(count: GateCount) -> str:
    """Return what was not judged in words: "3 not applicable, 1 off"; empty where everything was."""
    found = ((count.not_applicable, "not applicable"), (count.off, "off"))
    return ", ".join(f"{number} {name}" for number, name in found if number)


def gate_result(gate: GateResult) -> str:
    """Return a gate's state with its note, and why a project declares it so where it is off: the last cell of a row."""
    why = gate.because if gate.outcome == "off" else gate.note
    return gate_state(gate) + (f": {why}" if why else "")
