"""Judge the gates that look at how the release serves, and at how the model behaves."""

from __future__ import annotations

from include.config.gates import BehaviourGate, LatencyGate, MemoryGate, ServesGate, SizeGate
from include.domain.decision import GateResult
from include.domain.evidence import Runtime
from include.ml.gates.results import Evidence, Judges, not_applicable, not_measured, result

NOT_TRIED = "the release was not tried"
ANSWERS = ("answered", "rows")
P95 = ("p95", "ms")
MEMORY = ("memory", "MB")
SIZE = ("size", "MB")


def serves(gate: ServesGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the release loads in a clean process and answers there as it did here."""
    runtime, demand = evidence.measurements.runtime, ">= 1"
    if runtime is None or not runtime.asked:
        return (not_measured(gate, demand, NOT_TRIED, ANSWERS),)
    passed = not runtime.error and runtime.rows > 0
    return (result(gate, demand, float(runtime.rows), passed, quantity=ANSWERS, note=runtime.error),)


def latency(gate: LatencyGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether 95 of 100 single rows are answered fast enough, and not much slower than by the champion."""
    runtime, demand = evidence.measurements.runtime, f"<= {gate.max_p95_ms:.6g}"
    value = runtime.p95_ms if runtime else None
    if value is None:
        absolute = not_measured(gate, demand, _why(runtime), P95)
    else:
        absolute = result(gate, demand, value, value <= gate.max_p95_ms, quantity=P95)
    return (absolute,) if gate.max_times_champion is None else (absolute, _beside(gate, evidence, value))


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


def memory(gate: MemoryGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether loading the release and answering with it takes little enough memory."""
    runtime, demand = evidence.measurements.runtime, f"<= {gate.max_mb:.6g}"
    if runtime is None or runtime.memory_mb is None:
        return (not_measured(gate, demand, _why(runtime), MEMORY),)
    return (result(gate, demand, runtime.memory_mb, runtime.memory_mb <= gate.max_mb, quantity=MEMORY),)


def size(gate: SizeGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the model's file is small enough."""
    runtime, demand = evidence.measurements.runtime, f"<= {gate.max_mb:.6g}"
    if runtime is None:
        return (not_measured(gate, demand, NOT_TRIED, SIZE),)
    return (result(gate, demand, runtime.size_mb, runtime.size_mb <= gate.max_mb, quantity=SIZE),)


def behaviour(gate: BehaviourGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge each test of `behaviour.py`: whether it holds in as many rows as it needs."""
    checks = evidence.measurements.behaviour
    if not checks:
        return (not_measured(gate, "every test holds", "no test of behaviour was measured"),)
    return tuple(
        result(
            gate,
            f">= {check.needed:.6g}",
            check.held if check.rows else None,
            check.passed,
            quantity=(check.name, ""),
            note="" if check.passed else check.example,
        )
        for check in checks
    )


def _why(runtime: Runtime | None) -> str:
    return (runtime.error if runtime else "") or NOT_TRIED


JUDGES: Judges = {
    ServesGate: serves,
    LatencyGate: latency,
    MemoryGate: memory,
    SizeGate: size,
    BehaviourGate: behaviour,
}
