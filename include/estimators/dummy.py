"""The share of positives in the train part as the answer to every row: to see what a pipeline does with nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from include.config.estimators import Estimator, ParamValue

if TYPE_CHECKING:
    from sklearn.dummy import DummyClassifier


def _prior(_: Mapping[str, ParamValue], seed: int, __: int) -> DummyClassifier:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior", random_state=seed)


ESTIMATORS = (Estimator(name="dummy", params={}, build={"binary": _prior}, numbers="as_is"),)
