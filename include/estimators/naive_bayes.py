"""Gaussian naive Bayes: features of a class are taken as normal and independent; its probabilities are extreme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from include.config.estimators import POSITIVE, Estimator, ParamValue

if TYPE_CHECKING:
    from sklearn.naive_bayes import GaussianNB


def _classifier(params: Mapping[str, ParamValue], _: int, __: int) -> GaussianNB:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**params)


ESTIMATORS = (
    Estimator(
        name="naive_bayes",
        params={"var_smoothing": POSITIVE},
        build={"binary": _classifier},
        numbers="scaled",
    ),
)
