"""Describe what a model is fed, and bring any frame into exactly that form.

A model is shipped with its signature, so that it can be scored after the project's features have changed, or told apart
from a frame that lacks what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pandas as pd

from include.config.project import Features
from include.domain.errors import EvaluationError
from include.domain.results import Receipt

MAX_CATEGORIES_RECORDED = 500


class Feature(Receipt):
    """Describe one input column; `categories` are those seen in training, the commonest first, at most 500."""

    name: str
    kind: Literal["numeric", "categorical"]
    dtype: Literal["float64", "str"]
    categories: tuple[str, ...] = ()


class Signature(Receipt):
    """List a model's inputs in order; its output is the probability of the positive class."""

    features: tuple[Feature, ...]
    target: str

    @property
    def names(self) -> list[str]:
        """Return the input columns, in the model's order."""
        return [feature.name for feature in self.features]

    def missing_from(self, columns: Iterable[str]) -> list[str]:
        """Return the inputs that `columns` lacks, sorted."""
        return sorted(set(self.names) - set(columns))


def signature_of(frame: pd.DataFrame, features: Features, target: str) -> Signature:
    """Return the signature of the declared `features`, with the categories seen in `frame`."""
    numeric = [Feature(name=name, kind="numeric", dtype="float64") for name in features.numeric]
    categorical = [
        Feature(name=name, kind="categorical", dtype="str", categories=_categories(frame[name]))
        for name in features.categorical
    ]
    return Signature(features=(*numeric, *categorical), target=target)


def model_input(frame: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """Return the model's columns of `frame`, in order: numeric as float64, categorical as str; NaN where missing.

    Raises:
        EvaluationError: A column is missing, or a numeric one holds something that is no number.
    """
    missing = signature.missing_from(frame.columns)
    if missing:
        raise EvaluationError(
            "model input",
            "columns that the model needs are missing",
            got=", ".join(sorted(str(column) for column in frame.columns)),
            allowed=missing,
            hint="prepare the features with the declaration the model was trained with",
        )
    return pd.DataFrame({feature.name: _cast(frame[feature.name], feature) for feature in signature.features})


def _cast(column: pd.Series, feature: Feature) -> pd.Series:
    if feature.kind == "categorical":
        return column.astype("str")
    try:
        return column.astype("float64")
    except (TypeError, ValueError) as error:
        raise EvaluationError(
            f"model input, feature {feature.name}", "a numeric column is needed", got=str(error), allowed=("float64",)
        ) from error


def _categories(column: pd.Series) -> tuple[str, ...]:
    counts = column.dropna().astype("str").value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))
    return tuple(str(name) for name, _ in ordered[:MAX_CATEGORIES_RECORDED])
