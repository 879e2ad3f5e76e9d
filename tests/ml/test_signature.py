from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from include.config.project import Features
from include.domain.errors import EvaluationError
from include.ml.signature import MAX_CATEGORIES_RECORDED, model_input, signature_of

FRAME = pd.DataFrame({"day": ["2013-04-01"] * 3, "n": [1, 2, 3], "c": ["x", None, "x"], "y": [0, 1, 0]})
FEATURES = Features(numeric=("n",), categorical=("c",))


def test_lists_inputs_in_order_with_the_categories_seen() -> None:
    signature = signature_of(FRAME, FEATURES, "y")
    assert signature.names == ["n", "c"]
    assert [(f.kind, f.dtype, f.categories) for f in signature.features] == [
        ("numeric", "float64", ()),
        ("categorical", "str", ("x",)),
    ]


def test_records_the_commonest_categories_and_not_more_than_the_bound() -> None:
    names = [f"v{i:04d}" for i in range(MAX_CATEGORIES_RECORDED + 50)]
    frame = pd.DataFrame({"n": 0.0, "c": [*names, "v0549", "v0549"]})
    categories = signature_of(frame, FEATURES, "y").features[1].categories
    assert len(categories) == MAX_CATEGORIES_RECORDED
    assert categories[:2] == ("v0549", "v0000")


def test_any_frame_is_brought_into_the_models_form() -> None:
    signature = signature_of(FRAME, FEATURES, "y")
    other = pd.DataFrame({"c": pd.Series(["x", None, 3], dtype="object"), "extra": 1, "n": [True, False, True]})
    table = model_input(other, signature)
    assert list(table.columns) == ["n", "c"]
    assert table["n"].dtype == np.float64
    assert table["c"].tolist()[0] == "x"
    assert table["c"].isna().tolist() == [False, True, False]


def test_a_missing_column_is_named() -> None:
    signature = signature_of(FRAME, FEATURES, "y")
    assert signature.missing_from(["n"]) == ["c"]
    with pytest.raises(EvaluationError) as caught:
        model_input(FRAME.drop(columns="c"), signature)
    assert str(caught.value) == (
        "model input: columns that the model needs are missing; got: day, n, y; allowed: c; "
        "hint: prepare the features with the declaration the model was trained with"
    )


def test_text_in_a_numeric_column_is_refused_by_name() -> None:
    with pytest.raises(EvaluationError, match="model input, feature n: a numeric column is needed; got: could not"):
        model_input(FRAME.assign(n=["1", "two", "3"]), signature_of(FRAME, FEATURES, "y"))
