"""Name the parameters each estimator takes, with their ranges: how the estimators are built is in `include/ml`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EstimatorName = Literal["logistic_regression", "xgboost"]
ParamValue = float | int | str | bool | None


@dataclass(frozen=True)
class Param:
    """Say what one parameter may be: a number in a range, or one of a few words.

    Attributes:
        low, high: The range, ends included; None means without end.
        above_low: Whether `low` itself is left out.
        whole: Whether only whole numbers count.
        choices: Allowed values beside numbers; with no range, the only ones.
    """

    low: float | None = None
    high: float | None = None
    above_low: bool = False
    whole: bool = False
    choices: tuple[str | None, ...] = ()

    def accepts(self, value: ParamValue) -> bool:
        """Tell whether `value` is one this parameter may have."""
        if self.choices:
            return value is None or isinstance(value, str) if value in self.choices else False
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        if self.low is not None and (value <= self.low if self.above_low else value < self.low):
            return False
        return self.high is None or value <= self.high

    @property
    def words(self) -> str:
        """Return the range in words: "a whole number, at least 1"."""
        if self.choices:
            return "one of the allowed values"
        parts = ["a whole number" if self.whole else "a number"]
        if self.low is not None:
            parts.append(f"above {self.low:g}" if self.above_low else f"at least {self.low:g}")
        if self.high is not None:
            parts.append(f"at most {self.high:g}")
        return ", ".join(parts)


_POSITIVE = Param(low=0, above_low=True)
_NOT_NEGATIVE = Param(low=0)
_FRACTION = Param(low=0, high=1)
_SHARE = Param(low=0, high=1, above_low=True)
_COUNT = Param(low=1, whole=True)

PARAMS: dict[str, dict[str, Param]] = {
    "logistic_regression": {
        "C": _POSITIVE,
        "max_iter": _COUNT,
        "class_weight": Param(choices=("balanced", None)),
        "l1_ratio": _FRACTION,
    },
    "xgboost": {
        "n_estimators": _COUNT,
        "max_depth": Param(low=0, whole=True),
        "learning_rate": _SHARE,
        "subsample": _SHARE,
        "colsample_bytree": _SHARE,
        "min_child_weight": _NOT_NEGATIVE,
        "reg_lambda": _NOT_NEGATIVE,
        "reg_alpha": _NOT_NEGATIVE,
        "gamma": _NOT_NEGATIVE,
        "max_bin": Param(low=2, whole=True),
    },
}
