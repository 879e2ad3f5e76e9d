"""Say what became of each gate, and count them: the one place that pages, messages and the terminal ask.

Passed and failed gates add up to those that were judged. What judged nothing, and what a project switches off, stands
apart and is never counted as passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from include.config.decision import GateResult

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
