"""Linear models: logistic regression with L2, L1 or both (an elastic net), and a support vector machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from include.config.estimators import COUNT, FRACTION, POSITIVE, Estimator, Param, ParamValue

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression

DEFAULT_MAX_ITER = 1000
# a support vector machine gives no probabilities: a sigmoid learnt on rows left out makes them (Platt, 1999)
CALIBRATION_FOLDS = 3


def _logistic_regression(params: Mapping[str, ParamValue], seed: int, _: int) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    chosen = {"max_iter": DEFAULT_MAX_ITER, **params}
    # lbfgs is faster, and knows no L1 penalty
    solver = "saga" if chosen.get("l1_ratio") else "lbfgs"
    return LogisticRegression(**chosen, solver=solver, random_state=seed)


def _linear_svm(params: Mapping[str, ParamValue], seed: int, _: int) -> CalibratedClassifierCV:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import LinearSVC

    machine = LinearSVC(**{"max_iter": DEFAULT_MAX_ITER, **params}, random_state=seed)
    return CalibratedClassifierCV(machine, method="sigmoid", cv=CALIBRATION_FOLDS)


_SHARED = {"C": POSITIVE, "max_iter": COUNT, "class_weight": Param(choices=("balanced", None))}

ESTIMATORS = (
    Estimator(
        name="logistic_regression",
        params={**_SHARED, "l1_ratio": FRACTION},
        build={"binary": _logistic_regression},
        numbers="scaled",
        sparse=True,
    ),
    Estimator(
        name="linear_svm",
        params=_SHARED,
        build={"binary": _linear_svm},
        numbers="scaled",
        sparse=True,
        trusted=("sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration"),
    ),
)
