"""Declare from which score on the answer is yes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from include.config.closed import Closed
from include.config.findings import Finding, FindingsError

Objective = Literal["fixed", "f_beta", "value", "precision_at_recall"]

_OBJECTIVE_OF: dict[str, Objective] = {"value": "fixed", "beta": "f_beta", "recall": "precision_at_recall"}


class Threshold(Closed):
    """Say from which score on the answer is yes; chosen on the train part, in cross-validation, never on the holdout.

    `fixed` is the declared value; `f_beta` has the best F-beta; `value` earns most by the project's `value:`;
    `precision_at_recall` is the most precise threshold that still finds the declared share of the positives.

    Attributes:
        objective: How it is chosen: `fixed`, `f_beta`, `value` or `precision_at_recall`.
        value: For `fixed`: the threshold itself.
        beta: For `f_beta`: above 1 counts recall for more, below 1 precision.
        recall: For `precision_at_recall`: the least share of the positives to find.
    """

    objective: Objective = "fixed"
    value: float = Field(default=0.5, gt=0, lt=1)
    beta: float = Field(default=1.0, gt=0, le=10)
    recall: float = Field(default=0.8, gt=0, le=1)

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Threshold:
        # a default may stand there: a record of a training holds every key
        findings = [
            Finding((key,), f"only objective '{objective}' looks at it; this one is '{self.objective}'", hint=hint)
            for key, objective in _OBJECTIVE_OF.items()
            if objective != self.objective and getattr(self, key) != type(self).model_fields[key].default
            for hint in (f"remove it, or write objective: {objective}",)
        ]
        if findings:
            raise FindingsError(findings)
        return self
