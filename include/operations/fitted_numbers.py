"""Lay a fitted pipeline out as named rows of numbers, so that two of them can be compared number by number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from xgboost import XGBClassifier


def fitted_numbers(pipeline: Pipeline) -> dict[str, list[Any]]:
    """Return what each part of the pipeline has learnt, by its place: `prepare.numeric.scale.mean_`.

    By scikit-learn's convention what is learnt ends in an underscore. Of XGBoost every tree is laid out, the numbers of
    one kind of all trees in one row.
    """
    found: dict[str, list[Any]] = {}
    _walk("", pipeline, found)
    return found


def _walk(path: str, part: Any, found: dict[str, list[Any]]) -> None:
    if isinstance(part, Pipeline):
        for name, inner in part.steps:
            _walk(f"{path}.{name}" if path else name, inner, found)
    elif isinstance(part, ColumnTransformer):
        for name, inner, _ in part.transformers_:
            _walk(f"{path}.{name}", inner, found)
    elif isinstance(part, XGBClassifier):
        _spread(path, json.loads(part.get_booster().save_raw("json")), found)
    elif isinstance(part, BaseEstimator):
        for name, value in sorted(vars(part).items()):
            if name.endswith("_") and not name.startswith("_"):
                _spread(f"{path}.{name}", value, found)


def _spread(path: str, value: Any, found: dict[str, list[Any]]) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _spread(f"{path}.{name}", inner, found)
    elif isinstance(value, (list, tuple, np.ndarray)):
        for inner in value:
            _spread(path, inner, found)
    elif isinstance(value, BaseEstimator):
        _walk(path, value, found)
    else:
        found.setdefault(path, []).append(value.item() if isinstance(value, np.generic) else value)
