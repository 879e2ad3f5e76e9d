"""Build the estimators that projects declare: whole pipelines, with everything that is fitted inside the model.

What differs between models is in `include/estimators`. No functions and no classes of ours are in them: so a saved
model needs no pickle, and loads where this package is not installed. A fit is deterministic for a seed and a number of
threads.

Missing numbers go to a model that learns from them as they are; another one gets the median and a column that says
"was missing". A missing category is a category of its own. Categories rarer than `MIN_CATEGORY_ROWS` rows
share one column, where those never seen in training go too; with no rare ones, an unseen category is all zeros.

The preparation is worked out apart from the model: it is the same for all settings of a model, and takes as long as a
small model's fit. What it learns, and every number it gives, is what `Pipeline.fit` and `predict_proba` would.

Threads and forks: libgomp (OpenMP of XGBoost and scikit-learn) hangs in a child that is forked after the parent has run
a parallel region. Importing these libraries starts none, so preloading them in a process that forks workers is safe;
fitting or scoring there is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, get_index_dtype
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from include.config.estimators import estimators
from include.config.project import Features

MIN_CATEGORY_ROWS = 10
MAX_CATEGORIES = 100
MISSING_CATEGORY = "(missing)"

# rows as a model takes them, shape (n_rows, n_columns), float64: dense for trees, sparse for linear models
Design: TypeAlias = np.ndarray | csr_matrix


def build_estimator(
    estimator: str, params: Mapping[str, Any], features: Features, *, seed: int, threads: int, problem: str = "binary"
) -> Pipeline:
    """Return an unfitted pipeline: preprocessing, then the model.

    Args:
        estimator: The name of one of `include/estimators`.
        params: As declared; the rest have the library's defaults.
        features: The columns, by how they are encoded; the fitted pipeline takes a frame holding them.
        seed: Fixes every random choice of the fit.
        threads: How many threads the model may use.
        problem: The kind of problem that the model is for.
    """
    declared = estimators()[estimator]
    numbers: Pipeline | str = "passthrough"
    if declared.numbers == "scaled":
        filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        numbers = Pipeline([("impute", filled), ("scale", StandardScaler())])
    prepare = _transformer(numbers, features, sparse=declared.sparse)
    return Pipeline([("prepare", prepare), ("model", declared.build[problem](params, seed, threads))])


def score_with_one_thread(pipeline: Pipeline, estimator: str) -> None:
    """Make a fitted model score with one thread, so that its bytes do not tell with how many it was fitted."""
    estimators()[estimator].one_thread(pipeline[-1])


def fit_pipeline(pipeline: Pipeline, inputs: pd.DataFrame, labels: np.ndarray) -> Pipeline:
    """Fit a pipeline of `build_estimator` on rows of model input, and return it."""
    pipeline[-1].fit(fit_preparation(pipeline, inputs), labels)
    return pipeline


def fit_preparation(pipeline: Pipeline, inputs: pd.DataFrame) -> Design:
    """Fit a pipeline's preparation, not its model, and return the rows as the model takes them.

    Args:
        pipeline: As `build_estimator` makes it.
        inputs: Model input, shape (n_rows, n_features).
    """
    preparation = pipeline[0]
    text: list[str] = list(inputs.select_dtypes("str").columns)
    quick = _QuickStacking(**preparation.get_params(deep=False))
    # the fit and the transform would each make objects of the text
    design = quick.fit_transform(inputs.astype(dict.fromkeys(text, object)))
    preparation.__dict__.update(quick.__dict__)
    return design


def prepare(pipeline: Pipeline, inputs: Any) -> Design:
    """Return rows of model input as the last part of a fitted pipeline takes them, whatever stands between."""
    preparation = pipeline[0]
    if isinstance(preparation, ColumnTransformer):
        preparation = _QuickStacking([])
        preparation.__dict__.update(pipeline[0].__dict__)
    design = preparation.transform(inputs)
    for _, between in pipeline.steps[1:-1]:
        design = between.transform(design)
    return design


def positive_scores(pipeline: Pipeline, inputs: Any) -> np.ndarray:
    """Return the probability of the positive class for each row of `inputs`, shape (n_rows,), float64."""
    return scores_of_prepared(pipeline, prepare(pipeline, inputs))


def scores_of_prepared(pipeline: Pipeline, design: Design) -> np.ndarray:
    """Return the probability of the positive class for each row that `prepare` gave, shape (n_rows,), float64."""
    return np.asarray(pipeline[-1].predict_proba(design)[:, 1], dtype="float64")


class _QuickStacking(ColumnTransformer):
    """Put dense numbers beside encoded categories without making coordinates of them; never part of a saved model."""

    def _hstack(self, blocks: list[Any], *, n_samples: int) -> Any:
        """Return the blocks side by side; scikit-learn leaves this method to subclasses."""
        if self.sparse_output_ and len(blocks) == 2 and isinstance(blocks[0], np.ndarray):
            return _beside(blocks[0], blocks[1])
        return super()._hstack(blocks, n_samples=n_samples)


def _beside(numbers: np.ndarray, encoded: csr_matrix) -> csr_matrix:
    """Return the rows of `numbers`, each followed by its row of `encoded`, without zeros: as `scipy.sparse.hstack`."""
    rows, width = numbers.shape
    starts = encoded.indptr.astype("int64") + width * np.arange(rows + 1)
    from_numbers = np.zeros(starts[-1], dtype=bool)
    from_numbers[starts[:-1, None] + np.arange(width)] = True
    values = np.empty(len(from_numbers), dtype=np.result_type(numbers, encoded))
    values[from_numbers], values[~from_numbers] = numbers.ravel(), encoded.data
    columns = np.empty(
        len(from_numbers), dtype=get_index_dtype(maxval=max(len(from_numbers), width + encoded.shape[1]))
    )
    columns[from_numbers], columns[~from_numbers] = np.tile(np.arange(width), rows), encoded.indices + width
    stacked = csr_matrix((values, columns, starts.astype(columns.dtype)), shape=(rows, width + encoded.shape[1]))
    stacked.eliminate_zeros()
    return stacked


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
