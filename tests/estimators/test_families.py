"""Every estimator keeps the promises of models: equal bytes, no pickle, exact answers, missing values, a release."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from include.config.estimators import Param, ParamValue, estimators, families
from include.config.project import Features
from include.config.settings import ROOT
from include.io.model_files import dump_model, libraries, load_model
from include.io.models import LoadedModel
from include.ml.estimators import build_estimator, fit_pipeline, positive_scores, score_with_one_thread
from include.ml.signature import model_input, signature_of
from include.stages.evaluate.release_probe import probe_release
from tests.support.model_nights import make_project

FEATURES = Features(numeric=("a", "b", "empty"), categorical=("city", "rare"))
EVERY = tuple(estimators())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1):
        yield


# what takes long with its defaults
QUICK: dict[str, dict[str, Any]] = {
    "extra_trees": {"n_estimators": 15},
    "hist_gradient_boosting": {"max_iter": 15},
    "random_forest": {"n_estimators": 15},
    "xgboost": {"n_estimators": 15},
}
# of each parameter one value that is not its default
VALUES: dict[str, Any] = {
    "C": 0.5, "class_weight": "balanced", "colsample_bytree": 0.9, "gamma": 0.1, "l1_ratio": 0.3,
    "l2_regularization": 0.5, "learning_rate": 0.2, "max_bin": 64, "max_bins": 64, "max_depth": 2, "max_features": 0.5,
    "max_iter": 3000, "max_leaf_nodes": 8, "min_child_weight": 2, "min_samples_leaf": 3, "min_samples_split": 5,
    "n_estimators": 5, "n_neighbors": 7, "p": 1, "reg_alpha": 0.5, "reg_lambda": 2.0, "subsample": 0.9,
    "var_smoothing": 1e-6, "weights": "distance",
}  # fmt: skip


def rows() -> pd.DataFrame:
    """Return 600 rows with missing numbers, a column of nothing, missing categories and rare categories."""
    random = np.random.default_rng(0)
    count = 600
    table = pd.DataFrame(
        {
            "a": random.normal(size=count),
            "b": random.integers(0, 5, size=count),
            "empty": np.nan,
            "city": pd.Series(random.choice(["x", "y", None], size=count), dtype="str"),
            "rare": pd.Series([f"r{i}" if i % 20 == 0 else "usual" for i in range(count)], dtype="str"),
        }
    )
    table.loc[::7, "a"] = np.nan
    table["target"] = ((table["b"] + (table["city"] == "x") + random.normal(size=count)) > 2.5).astype("int8")
    return table


def fitted(
    estimator: str, params: dict[str, Any] | None = None, features: Features = FEATURES, threads: int = 1
) -> Any:
    """Return a pipeline fitted as the stage train fits it."""
    table = rows()
    inputs = model_input(table, signature_of(table, features, "target"))
    chosen = QUICK.get(estimator, {}) if params is None else params
    pipeline = build_estimator(estimator, chosen, features, seed=1, threads=threads)
    with threadpool_limits(limits=threads):
        fit_pipeline(pipeline, inputs, table["target"].to_numpy())
    score_with_one_thread(pipeline, estimator)
    return pipeline


def digest(estimator: str, threads: int = 1) -> str:
    return hashlib.sha256(dump_model(fitted(estimator, threads=threads))).hexdigest()


def inputs_of(table: pd.DataFrame, features: Features = FEATURES) -> pd.DataFrame:
    return model_input(table, signature_of(rows(), features, "target"))


def test_eight_families_and_more_are_found_and_named_once() -> None:
    assert {"logistic_regression", "linear_svm", "xgboost", "random_forest", "extra_trees", "dummy"} <= set(EVERY)
    assert {"hist_gradient_boosting", "nearest_neighbours", "naive_bayes"} <= set(EVERY)
    assert sum(len(family) for family in families().values()) == len(EVERY)


def test_finding_them_loads_no_library() -> None:
    told = (
        "import sys; from include.config.estimators import estimators; estimators(); "
        "print(sorted({'numpy', 'sklearn', 'xgboost', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("estimator", EVERY)
def test_learns_with_missing_values_rare_and_unseen_categories(estimator: str) -> None:
    pipeline, table = fitted(estimator), rows()
    unseen = table.assign(city="never seen", rare=pd.Series([None] * len(table), dtype="str"), a=np.nan)
    for each in (table, unseen):
        scores = positive_scores(pipeline, inputs_of(each))
        assert scores.shape == (600,)
        assert ((scores >= 0) & (scores <= 1)).all()
    scores = positive_scores(pipeline, inputs_of(table))
    if estimator == "dummy":
        assert np.allclose(scores, table["target"].mean())
    else:
        assert scores[table["target"] == 1].mean() > scores[table["target"] == 0].mean() + 0.2


@pytest.mark.parametrize("features", [Features(numeric=("a",)), Features(categorical=("city",))])
@pytest.mark.parametrize("estimator", EVERY)
def test_features_of_one_kind_alone_will_do(estimator: str, features: Features) -> None:
    pipeline = fitted(estimator, features=features)
    assert np.isfinite(positive_scores(pipeline, inputs_of(rows(), features))).all()


@pytest.mark.parametrize("estimator", EVERY)
def test_a_loaded_model_answers_exactly_like_the_saved_one_and_holds_no_pickle(estimator: str) -> None:
    pipeline = fitted(estimator)
    data = dump_model(pipeline)
    with zipfile.ZipFile(BytesIO(data)) as file:
        assert {Path(name).suffix for name in file.namelist()} <= {".json", ".npy", ".npz", ".bin"}
    loaded = load_model(data, "here")
    unseen = rows().assign(city="never seen", a=np.nan)
    for table in (rows(), unseen, rows().head(1)):
        assert np.array_equal(positive_scores(loaded, inputs_of(table)), positive_scores(pipeline, inputs_of(table)))


def test_another_process_and_other_threads_make_the_same_bytes() -> None:
    script = "from tests.estimators.test_families import *; print([digest(each, threads=2) for each in EVERY])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = {estimator: digest(estimator) for estimator in EVERY}
    assert dict(zip(EVERY, eval(done.stdout), strict=True)) == ours


@pytest.mark.parametrize("estimator", EVERY)
def test_a_release_of_it_is_served_by_a_clean_process(estimator: str, tmp_path: Path) -> None:
    project = make_project(tmp_path / "parcels", gates=[{"kind": "serves"}])
    table, pipeline = rows(), fitted(estimator)
    model = LoadedModel(pipeline, signature_of(table, FEATURES, "target"), dump_model(pipeline))
    runtime = probe_release(project, model, None, table, model.score(table))
    assert (runtime.asked, runtime.error) == (True, "")
    assert runtime.rows >= 10


@pytest.mark.parametrize(("estimator", "name"), [(each, name) for each in EVERY for name in estimators()[each].params])
def test_every_declared_parameter_is_accepted_and_reaches_the_model(estimator: str, name: str) -> None:
    assert estimators()[estimator].params[name].accepts(VALUES[name])
    chosen = {name: VALUES[name]}
    model = build_estimator(estimator, chosen, FEATURES, seed=1, threads=1)[-1]
    held = model.estimator if estimator == "linear_svm" else model
    assert held.get_params()[name] == VALUES[name]
    # and the library takes it
    fitted(estimator, {**QUICK.get(estimator, {}), **chosen, **({"max_iter": 3000} if name == "l1_ratio" else {})})


@pytest.mark.parametrize(
    ("estimator", "name", "value", "accepted"),
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
        ("random_forest", "max_depth", None, True),
        ("random_forest", "max_depth", 3, True),
        ("random_forest", "max_depth", 0, False),
        ("random_forest", "max_features", "sqrt", True),
        ("random_forest", "max_features", 0.3, True),
        ("random_forest", "max_features", 2, False),
        ("random_forest", "max_features", "all", False),
    ],
)
def test_values_are_held_to_their_range(estimator: str, name: str, value: ParamValue, accepted: bool) -> None:
    assert estimators()[estimator].params[name].accepts(value) is accepted


def test_a_range_beside_words_is_told_with_both() -> None:
    assert Param(low=1, whole=True, choices=(None,)).words == "a whole number, at least 1, or one of the allowed values"
    assert Param(choices=("a", None)).words == "one of the allowed values"


def test_only_what_made_a_model_is_among_its_libraries() -> None:
    assert "xgboost" in libraries("xgboost")
    assert "xgboost" not in libraries("random_forest")
