"""Declare what the model's answers are worth."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints, model_validator

from include.config.closed import Closed
from include.config.findings import Finding, FindingsError


class Value(Closed):
    """Say what each outcome is worth, for one row; costs are negative.

    Attributes:
        currency: What it is counted in.
        true_positive: Said yes, and it was.
        false_positive: Said yes, and it was not.
        false_negative: Said no, and it was.
        true_negative: Said no, and it was not.
    """

    currency: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    true_positive: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    true_negative: float = 0.0

    @model_validator(mode="after")
    def _right_is_worth_more(self) -> Value:
        findings = []
        if self.true_positive <= self.false_negative:
            what = "acting on a positive must be worth more than missing it"
            hint = f"more than false_negative ({self.false_negative:g})"
            findings.append(Finding(("true_positive",), what, f"{self.true_positive:g}", hint=hint))
        if self.true_negative <= self.false_positive:
            what = "leaving a negative alone must be worth more than acting on it"
            hint = f"more than false_positive ({self.false_positive:g}); costs are negative"
            findings.append(Finding(("true_negative",), what, f"{self.true_negative:g}", hint=hint))
        if findings:
            raise FindingsError(findings)
        return self
