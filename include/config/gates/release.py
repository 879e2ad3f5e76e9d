"""Look at how the release serves, and at how the model behaves."""

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
from include.domain.evidence import Runtime

NOT_TRIED = "the release was not tried"
ANSWERS = ("answered", "rows")
P95 = ("p95", "ms")
MEMORY = ("memory", "MB")
SIZE = ("size", "MB")


class ServesGate(SwitchableGate):
    """Pass when the release loads in a clean process and answers there as it did here. In force by default.

    Attributes:
        kind: `serves`.
    """

    kind: Literal["serves"]

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the release loads in a clean process and answers there as it did here."""
        runtime, demand = evidence.measurements.runtime, ">= 1"
        if runtime is None or not runtime.asked:
            return (not_measured(self, demand, NOT_TRIED, ANSWERS),)
        passed = not runtime.error and runtime.rows > 0
        return (result(self, demand, float(runtime.rows), passed, quantity=ANSWERS, note=runtime.error),)


class LatencyGate(SwitchableGate):
    """Pass when the release answers one row fast enough, in a process of its own. In force by default.

    Attributes:
        kind: `latency`.
        max_p95_ms: 95 of 100 single rows must be answered within this, in milliseconds of processor time.
        max_times_champion: And within this many times the champion's, measured side by side; None does not compare.
    """

    kind: Literal["latency"]
    max_p95_ms: float = Field(default=250, gt=0)
    max_times_champion: float | None = Field(default=None, gt=1)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether 95 of 100 single rows are answered fast enough, and not much slower than by the champion."""
        runtime, demand = evidence.measurements.runtime, f"<= {self.max_p95_ms:.6g}"
        value = runtime.p95_ms if runtime else None
        if value is None:
            absolute = not_measured(self, demand, _why(runtime), P95)
        else:
            absolute = result(self, demand, value, value <= self.max_p95_ms, quantity=P95)
        return (absolute,) if self.max_times_champion is None else (absolute, _beside(self, evidence, value))


class MemoryGate(SwitchableGate):
    """Pass when loading the release and answering with it takes little enough memory. In force by default.

    Attributes:
        kind: `memory`.
        max_mb: What the process may grow by, in megabytes of 1,000,000 bytes.
    """

    kind: Literal["memory"]
    max_mb: float = Field(default=1000, gt=0)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether loading the release and answering with it takes little enough memory."""
        runtime, demand = evidence.measurements.runtime, f"<= {self.max_mb:.6g}"
        if runtime is None or runtime.memory_mb is None:
            return (not_measured(self, demand, _why(runtime), MEMORY),)
        return (result(self, demand, runtime.memory_mb, runtime.memory_mb <= self.max_mb, quantity=MEMORY),)


class SizeGate(SwitchableGate):
    """Pass when the model's file is small enough. In force by default.

    Attributes:
        kind: `size`.
        max_mb: In megabytes.
    """

    kind: Literal["size"]
    max_mb: float = Field(default=100, gt=0)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the model's file is small enough."""
        runtime, demand = evidence.measurements.runtime, f"<= {self.max_mb:.6g}"
        if runtime is None:
            return (not_measured(self, demand, NOT_TRIED, SIZE),)
        return (result(self, demand, runtime.size_mb, runtime.size_mb <= self.max_mb, quantity=SIZE),)


class BehaviourGate(SwitchableGate):
    """Pass when the model behaves as `behaviour.py` says. In force wherever there is such a file.

    Attributes:
        kind: `behaviour`.
    """

    kind: Literal["behaviour"]

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge each test of `behaviour.py`: whether it holds in as many rows as it needs."""
        checks = evidence.measurements.behaviour
        if not checks:
            return (not_measured(self, "every test holds", "no test of behaviour was measured"),)
        return tuple(
            result(
                self,
                f">= {check.needed:.6g}",
                check.held if check.rows else None,
                check.passed,
                quantity=(check.name, ""),
                note="" if check.passed else check.example,
            )
            for check in checks
        )


def _beside(gate: LatencyGate, evidence: Evidence, value: float | None) -> GateResult:
    runtime, times = evidence.measurements.runtime, gate.max_times_champion or 0.0
    demand = f"<= {times:.6g} x the champion's"
    if value is None or runtime is None:
        return not_measured(gate, demand, _why(runtime), P95)
    if evidence.champion is None:
        return not_applicable(gate, demand, evidence.no_champion, value, quantity=P95)
    theirs = runtime.champion_p95_ms
    if theirs is None:
        return not_measured(gate, demand, "the champion could not be clocked", P95)
    bound = times * theirs
    return result(gate, f"<= {bound:.6g}", value, value <= bound, quantity=P95, reference=theirs)


def _why(runtime: Runtime | None) -> str:
    return (runtime.error if runtime else "") or NOT_TRIED
