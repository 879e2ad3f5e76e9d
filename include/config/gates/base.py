"""Hold what every gate has, what gates are judged on, and write down how one was judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from include.domain.base_model import Closed, ValidationIssue, ValidationIssuesError
from include.domain.decision import GateResult
from include.domain.evidence import Measurements
from include.domain.metrics import improvement, lower_is_better

Confidence = Annotated[float, Field(ge=0.8, le=0.999)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
NO_CHAMPION = "no champion as of this day"


@dataclass(frozen=True)
class Evidence:
    """Hold what was measured on one holdout.

    Attributes:
        challenger: Every metric of the candidate under judgement.
        baseline: The same of a model that ignores the features.
        champion: None when there is none, or it could not be scored.
        no_champion: Why `champion` is None.
        champion_version: What it is called in sentences; empty where that is not known.
        measurements: What was measured beside the metrics.
    """

    challenger: Mapping[str, float]
    baseline: Mapping[str, float]
    champion: Mapping[str, float] | None = None
    no_champion: str = field(default=NO_CHAMPION)
    measurements: Measurements = field(default_factory=Measurements)
    champion_version: str = ""


class BaseGate(Closed):
    """Be a gate that may say why it is declared as it is.

    Attributes:
        because: Why the gate is declared as it is; the report prints it.
    """

    because: Reason = ""
    # each family says which
    kind: str

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Return how the gate is judged: one result for each bound it declares, at least one."""
        return (not_measured(self, "is measured", "no rule for this gate"),)

    def too_small(self, evidence: Evidence) -> str:
        """Return why what the gate looks at is too small to judge, though it was measured; empty when it is not."""
        return ""


class SwitchableGate(BaseGate):
    """Be a gate that is in force without being declared, and that a declaration can switch off.

    Attributes:
        off: Whether the gate is switched off; `because` must say why.
    """

    off: bool = False

    @model_validator(mode="after")
    def _off_says_why(self) -> SwitchableGate:
        if self.off and not self.because:
            hint = 'add because: "..." to the gate; every report prints it'
            raise ValidationIssuesError(
                [ValidationIssue(("because",), "a gate that is switched off needs a reason", "none", hint=hint)]
            )
        return self


def result(
    gate: BaseGate,
    threshold: str,
    value: float | None,
    passed: bool,
    *,
    quantity: tuple[str, str] = ("", ""),
    reference: float | None = None,
    on_failure: Literal["reject", "hold"] = "reject",
    note: str = "",
) -> GateResult:
    """Return a gate's result; a value that is not a number, or is missing, never passes.

    Args:
        gate: As declared.
        threshold: What was demanded, in words with the number: ">= 0.6".
        value: The candidate's; None when it could not be measured.
        passed: Whether the gate lets the candidate through.
        quantity: What was looked at, and its unit: ("p95", "ms"); left out, the gate's own metric, or its kind.
        reference: What it was compared with.
        on_failure: What failing leads to.
        note: Why, when the numbers do not say it.
    """
    known = value is not None and not math.isnan(value)
    return GateResult(
        kind=gate.kind,
        metric=quantity[0] or getattr(gate, "metric", gate.kind),
        threshold=threshold,
        value=value if known else None,
        unit=quantity[1],
        reference=reference,
        passed=bool(passed) and known,
        on_failure=on_failure,
        note=note,
        because=getattr(gate, "because", ""),
        outcome="passed" if passed and known else "failed",
    )


def not_measured(gate: BaseGate, threshold: str, why: str, quantity: tuple[str, str] = ("", "")) -> GateResult:
    """Return the result of a gate whose numbers are missing: closed."""
    return result(gate, threshold, None, False, quantity=quantity, note=why)


def not_applicable(
    gate: BaseGate,
    threshold: str,
    why: str,
    value: float | None = None,
    *,
    quantity: tuple[str, str] = ("", ""),
    on_failure: Literal["reject", "hold"] = "reject",
) -> GateResult:
    """Return the result of a gate that has nothing to judge: it lets the candidate through, and proves nothing.

    Args:
        gate: As declared.
        threshold: What is demanded where there is something to judge.
        why: What there is not: "no champion as of this day".
        value: The candidate's, where it is known all the same; one that is not a number never passes.
        quantity: As of `result`.
        on_failure: As of `result`.
    """
    found = result(gate, threshold, value, False, quantity=quantity, on_failure=on_failure, note=why)
    return found if value is not None and math.isnan(value) else unjudged(found, why)


def unjudged(found: GateResult, why: str) -> GateResult:
    """Return a result as one of a gate that has nothing to judge, and why."""
    return found.model_copy(update={"passed": True, "outcome": "not_applicable", "note": why})


def told_why(found: GateResult) -> GateResult:
    """Return a result whose note ends with the reason that the project gives for its declaration, if any."""
    if not found.because:
        return found
    return found.model_copy(
        update={"note": f"{found.note}{'; ' if found.note else ''}declared because: {found.because}"}
    )


def off(gate: BaseGate) -> GateResult:
    """Return the result of a gate that the project switches off: not judged, and never counted as passed."""
    found = result(gate, "switched off", None, False)
    return found.model_copy(update={"passed": True, "outcome": "off"})


def at_least(metric: str) -> str:
    """Return the sign of "as good as or better": ">=", or "<=" where lower is better."""
    return "<=" if lower_is_better(metric) else ">="


def worse_by(metric: str, value: float, margin: float) -> float:
    """Return the value that is `margin` worse than `value`, whatever the metric's direction."""
    return value + margin if improvement(metric, 0.0, 1.0) > 0 else value - margin
