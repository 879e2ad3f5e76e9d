"""Build the estimators that projects declare: whole pipelines, with everything that is fitted inside the model.

Only types of scikit-learn and XGBoost are used, no functions and no classes of ours: so a saved model needs no pickle,
and loads where this package is not installed. A fit is deterministic for a seed and a number of threads.

Missing values: XGBoost learns a direction for missing numbers; the logistic regression gets the median and a column
that says "was missing". A missing category is a category of its own. Categories rarer than `MIN_CATEGORY_ROWS` rows
share one column, where those never seen in training go too; with no rare ones, an unseen category is all zeros.

Threads and forks: libgomp (OpenMP of XGBoost and scikit-learn) hangs in a child that is forked after the parent has run
a parallel region. Importing these libraries starts none, so preloading them in a process that forks workers is safe;
fitting or scoring there is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from include.config.estimators import EstimatorName
from include.config.project import Features

MIN_CATEGORY_ROWS = 10
MAX_CATEGORIES = 100
MISSING_CATEGORY = "(missing)"
DEFAULT_MAX_ITER = 1000


def build_estimator(
    estimator: EstimatorName, params: Mapping[str, Any], features: Features, *, seed: int, threads: int
) -> Pipeline:
    """Return an unfitted pipeline: preprocessing, then the model.

    Args:
        estimator: `logistic_regression` or `xgboost`.
        params: As declared (`include/config/estimators.py`); the rest have the library's defaults.
        features: The columns, by how they are encoded; the fitted pipeline takes a frame holding them.
        seed: Fixes every random choice of the fit.
        threads: How many threads XGBoost may use.
    """
    if estimator == "xgboost":
        return Pipeline([("prepare", _for_trees(features)), ("model", _xgboost(params, seed, threads))])
    return Pipeline([("prepare", _for_linear(features)), ("model", _logistic_regression(params, seed))])


def score_with_one_thread(pipeline: Pipeline) -> None:
    """Make a fitted model score with one thread, so that its bytes do not tell with how many it was fitted.

    The fitted numbers do not depend on them either: measured with 1, 2, 3 and 5 threads on 100,000 rows.
    """
    model = pipeline[-1]
    if isinstance(model, XGBClassifier):
        model.set_params(n_jobs=1)
        model.get_booster().set_param({"nthread": 1})


def positive_scores(pipeline: Pipeline, inputs: Any) -> np.ndarray:
    """Return the probability of the positive class for each row of `inputs`, shape (n_rows,), float64."""
    return np.asarray(pipeline.predict_proba(inputs)[:, 1], dtype="float64")


def _xgboost(params: Mapping[str, Any], seed: int, threads: int) -> XGBClassifier:
    return XGBClassifier(
        **params, tree_method="hist", missing=np.nan, n_jobs=threads, random_state=seed, verbosity=0, device="cpu"
    )


def _logistic_regression(params: Mapping[str, Any], seed: int) -> LogisticRegression:
    chosen = {"max_iter": DEFAULT_MAX_ITER, **params}
    # lbfgs is faster, and knows no L1 penalty
    solver = "saga" if chosen.get("l1_ratio") else "lbfgs"
    return LogisticRegression(**chosen, solver=solver, random_state=seed)


def _for_trees(features: Features) -> ColumnTransformer:
    # dense: in a sparse matrix XGBoost would read zeros as missing
    return _transformer("passthrough", features, sparse=False)


def _for_linear(features: Features) -> ColumnTransformer:
    numeric = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    return _transformer(numeric, features, sparse=True)


def _transformer(numeric: Pipeline | str, features: Features, *, sparse: bool) -> ColumnTransformer:
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=MIN_CATEGORY_ROWS,
        max_categories=MAX_CATEGORIES,
        sparse_output=sparse,
        dtype=np.float32,
    )
    fill = SimpleImputer(
        strategy="constant", fill_value=MISSING_CATEGORY, missing_values=np.nan, keep_empty_features=True
    )
    parts: list[tuple[str, Any, list[str]]] = []
    if features.numeric:
        parts.append(("numeric", numeric, list(features.numeric)))
    if features.categorical:
        parts.append(("categorical", Pipeline([("fill", fill), ("encode", encoder)]), list(features.categorical)))
    return ColumnTransformer(parts, sparse_threshold=1.0 if sparse else 0.0, verbose_feature_names_out=False)
