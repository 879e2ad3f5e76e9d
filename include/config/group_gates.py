"""Declare the gates that look at groups of rows, at scores as probabilities, and at money."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from include.config.metric_gates import Confidence, MetricName, SwitchableGate
from include.config.source import ColumnName
from include.domain.validation_issue import Finding, FindingsError


class SliceGate(SwitchableGate):
    """Pass when no group is proved worse off than with the champion. In force wherever groups are declared.

    Attributes:
        kind: `slice`.
        metric: The metric it looks at, in each group.
        by: The columns whose groups are looked at; left out, every protected column and every declared slice.
        margin: By at most this a group may be worse.
        min_rows: Smaller groups are not judged, only shown.
        confidence: How sure that no group fails by chance, over all groups together (Holm's correction).
    """

    kind: Literal["slice"]
    metric: MetricName
    by: tuple[ColumnName, ...] = ()
    margin: float = Field(default=0.02, ge=0)
    min_rows: int = Field(default=200, ge=20)
    confidence: Confidence = 0.95


class FairnessGate(SwitchableGate):
    """Pass when groups of people are treated alike, at the model's threshold. In force wherever there are such groups.

    Attributes:
        kind: `fairness`.
        by: Protected columns; left out, all of them.
        max_demographic_parity_difference: Between the largest and the smallest share of positive answers.
        max_equalized_odds_difference: The larger of the gaps in true and in false positive rates.
        min_rows: Smaller groups are not judged, only shown.
    """

    kind: Literal["fairness"]
    by: tuple[ColumnName, ...] = ()
    max_demographic_parity_difference: float | None = Field(default=None, gt=0, le=1)
    max_equalized_odds_difference: float | None = Field(default=None, gt=0, le=1)
    min_rows: int = Field(default=100, ge=20)

    @model_validator(mode="after")
    def _demands_something(self) -> FairnessGate:
        bounds = (self.max_demographic_parity_difference, self.max_equalized_odds_difference)
        if not self.off and bounds == (None, None):
            allowed = ("max_demographic_parity_difference", "max_equalized_odds_difference")
            raise FindingsError([Finding((), "at least one bound is needed", "none", allowed)])
        return self


class CalibrationGate(SwitchableGate):
    """Pass when a score of 0.3 means that 3 in 10 are positive. In force by default.

    Attributes:
        kind: `calibration`.
        max_ece: The largest expected calibration error; left out, 0.25 more than chance gives so few rows.
        bins: How many, each with the same number of rows.
    """

    kind: Literal["calibration"]
    max_ece: float | None = Field(default=None, gt=0, lt=1)
    bins: int = Field(default=10, ge=2, le=50)


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
