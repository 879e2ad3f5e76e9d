"""Take out of a decision what a clock or a scale measured: two nights of the same bytes differ in nothing else."""

from __future__ import annotations

from typing import Any

# serves: of how many rows there was time to ask
CLOCKED = frozenset({"latency", "memory", "serves"})


def without_clock(decision: dict[str, Any]) -> dict[str, Any]:
    """Return a decision, as JSON values, without how fast its release answered and how much memory that took."""
    gates = [
        {**gate, "value": None, "reference": None, "note": ""} if gate["kind"] in CLOCKED else gate
        for gate in decision["gates"]
    ]
    return {**decision, "gates": gates, "measurements": {**decision["measurements"], "runtime": None}}
