from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.config.project import Features
from include.io.model_files import dump_model
from include.ml.estimators import MISSING_CATEGORY, build_estimator, fit_pipeline, positive_scores, prepare
from include.ml.signature import model_input, signature_of

FEATURES = Features(numeric=("a", "b", "empty"), categorical=("city", "rare"))
ESTIMATORS = ("logistic_regression", "xgboost")


@pytest.fixture
def frame() -> pd.DataFrame:
    """Return 600 rows with missing numbers, a column of nothing, missing categories and rare categories."""
    random = np.random.default_rng(0)
    rows = 600
    table = pd.DataFrame(
        {
            "a": random.normal(size=rows),
            "b": random.integers(0, 5, size=rows),
            "empty": np.nan,
            "city": pd.Series(random.choice(["x", "y", None], size=rows), dtype="str"),
            "rare": pd.Series([f"r{i}" if i % 20 == 0 else "usual" for i in range(rows)], dtype="str"),
        }
    )
    table.loc[::7, "a"] = np.nan
    table["target"] = ((table["b"] + (table["city"] == "x") + random.normal(size=rows)) > 2.5).astype("int8")
    return table


def _fitted(estimator: str, frame: pd.DataFrame, params: dict[str, Any] | None = None, seed: int = 1) -> Any:
    inputs = model_input(frame, signature_of(frame, FEATURES, "target"))
    return build_estimator(estimator, params or {}, FEATURES, seed=seed, threads=1).fit(inputs, frame["target"])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_same_seed_gives_the_same_scores(estimator: str, frame: pd.DataFrame) -> None:
    params = {"subsample": 0.5} if estimator == "xgboost" else {"l1_ratio": 0.5, "max_iter": 2000}
    inputs = model_input(frame, signature_of(frame, FEATURES, "target"))
    first, again = (_fitted(estimator, frame, params) for _ in range(2))
    assert np.array_equal(positive_scores(first, inputs), positive_scores(again, inputs))
    if estimator == "xgboost":
        other = _fitted(estimator, frame, params, seed=2)
        assert not np.array_equal(positive_scores(first, inputs), positive_scores(other, inputs))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_missing_category_has_a_column_and_rare_ones_share_one(estimator: str, frame: pd.DataFrame) -> None:
    columns = list(_fitted(estimator, frame)[0].get_feature_names_out())
    assert f"city_{MISSING_CATEGORY}" in columns
    assert "rare_infrequent_sklearn" in columns
    assert not [name for name in columns if name.startswith("rare_r")]


def test_what_is_fitted_does_not_look_at_other_rows(frame: pd.DataFrame) -> None:
    pipeline = _fitted("logistic_regression", frame)
    alone = model_input(frame.head(1), signature_of(frame, FEATURES, "target"))
    together = model_input(frame, signature_of(frame, FEATURES, "target"))
    assert positive_scores(pipeline, alone)[0] == pytest.approx(positive_scores(pipeline, together)[0], abs=1e-12)


@pytest.mark.parametrize("columns", [FEATURES, Features(numeric=("a", "b")), Features(categorical=("city",))])
@pytest.mark.parametrize(
    ("estimator", "params"), [("logistic_regression", {}), ("logistic_regression", {"l1_ratio": 0.5}), ("xgboost", {})]
)
def test_what_is_prepared_apart_is_what_scikit_learn_prepares(
    estimator: str, params: dict[str, Any], columns: Features, frame: pd.DataFrame
) -> None:
    signature = signature_of(frame, columns, "target")
    inputs, labels = model_input(frame, signature), frame["target"].to_numpy()
    plain, apart = (build_estimator(estimator, params, columns, seed=1, threads=1) for _ in range(2))
    plain.fit(inputs, labels)
    fit_pipeline(apart, inputs, labels)
    assert dump_model(apart) == dump_model(plain)
    unseen = model_input(frame.assign(city="never seen", a=0.0).head(3), signature)
    for rows in (inputs, unseen, inputs.head(1)):
        expected, found = plain[0].transform(rows), prepare(apart, rows)
        assert type(found) is type(expected)
        if isinstance(expected, np.ndarray):
            assert np.array_equal(found, expected, equal_nan=True)
        else:
            for part in ("data", "indices", "indptr", "shape"):
                assert np.array_equal(getattr(found, part), getattr(expected, part)), part
                assert np.asarray(getattr(found, part)).dtype == np.asarray(getattr(expected, part)).dtype
        assert np.array_equal(positive_scores(apart, rows), plain.predict_proba(rows)[:, 1])
