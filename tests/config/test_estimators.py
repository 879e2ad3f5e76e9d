"""Parameters are known by name and range, and the declaration agrees with what builds the estimators."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from include.config.estimators import PARAMS, EstimatorName, ParamValue


def test_every_estimator_has_its_parameters() -> None:
    assert set(PARAMS) == set(get_args(EstimatorName))


def test_the_libraries_take_every_declared_parameter() -> None:
    from sklearn.linear_model import LogisticRegression
    from xgboost import XGBClassifier

    assert PARAMS["logistic_regression"].keys() <= LogisticRegression().get_params().keys()
    assert PARAMS["xgboost"].keys() <= XGBClassifier().get_params().keys()


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("logistic_regression", {"C": 0.5, "max_iter": 77, "class_weight": "balanced", "l1_ratio": 0.5}),
        (
            "xgboost",
            {
                "n_estimators": 7,
                "max_depth": 2,
                "learning_rate": 0.2,
                "subsample": 0.5,
                "colsample_bytree": 0.5,
                "min_child_weight": 3,
                "reg_lambda": 2.0,
                "reg_alpha": 0.5,
                "gamma": 0.1,
                "max_bin": 32,
            },
        ),
    ],
)
def test_the_built_model_has_every_declared_parameter(estimator: str, params: dict[str, Any]) -> None:
    from include.config.project import Features
    from include.ml.estimators import build_estimator

    built = build_estimator(estimator, params, Features(numeric=("a",)), seed=1, threads=1)

    assert params.keys() == PARAMS[estimator].keys()
    assert all(PARAMS[estimator][name].accepts(value) for name, value in params.items())
    assert {name: built[-1].get_params()[name] for name in params} == params


@pytest.mark.parametrize(
    ("estimator", "param", "value", "accepted"),
    [
        ("logistic_regression", "C", 0.5, True),
        ("logistic_regression", "C", 1, True),
        ("logistic_regression", "C", 0, False),
        ("logistic_regression", "C", True, False),
        ("logistic_regression", "C", "1.0", False),
        ("logistic_regression", "C", None, False),
        ("logistic_regression", "class_weight", "balanced", True),
        ("logistic_regression", "class_weight", None, True),
        ("logistic_regression", "class_weight", "heavy", False),
        ("logistic_regression", "class_weight", 1, False),
        ("logistic_regression", "l1_ratio", 1.0, True),
        ("logistic_regression", "l1_ratio", 1.1, False),
        ("logistic_regression", "max_iter", 100, True),
        ("logistic_regression", "max_iter", 100.0, False),
        ("xgboost", "max_depth", 0, True),
        ("xgboost", "max_depth", -1, False),
        ("xgboost", "learning_rate", 1, True),
        ("xgboost", "learning_rate", 0.0, False),
        ("xgboost", "subsample", 1.5, False),
        ("xgboost", "max_bin", 1, False),
    ],
)
def test_values_are_held_to_their_range(estimator: str, param: str, value: ParamValue, accepted: bool) -> None:
    assert PARAMS[estimator][param].accepts(value) is accepted
