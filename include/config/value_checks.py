"""Check that money can be counted where it decides: in the `value` gate, and in the choice of the threshold."""

from __future__ import annotations

from collections.abc import Iterator

from include.config.findings import Finding
from include.config.gates import Gate, ValueGate
from include.config.threshold import Threshold
from include.config.value import Value

_WHAT = "nothing says what an answer is worth"
_HINT = (
    "declare value: {currency: EUR, true_positive: ..., false_positive: ..., false_negative: ..., true_negative: ...}"
)


def value_gates_can_count(gates: tuple[Gate, ...], value: Value | None) -> Iterator[Finding]:
    """Refuse a value gate in a project that does not say what outcomes are worth."""
    for index, gate in enumerate(gates):
        if isinstance(gate, ValueGate) and value is None:
            yield Finding(("gates", index), _WHAT, got="gate 'value' without value", hint=_HINT)


def thresholds_can_be_chosen(threshold: Threshold, value: Value | None) -> Iterator[Finding]:
    """Refuse the objective `value` in a project that does not say what outcomes are worth."""
    if threshold.objective == "value" and value is None:
        yield Finding(("threshold", "objective"), _WHAT, hint=_HINT)
