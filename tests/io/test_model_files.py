from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from include.config.project import Features
from include.domain.errors import ModelUntrustedError
from include.io.model_files import dump_model, load_model, trusted_types
from include.ml.estimators import build_estimator, positive_scores

FEATURES = Features(numeric=("a", "b"), categorical=("c",))
ROOT = Path(__file__).resolve().parents[2]


def make_frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=400), "b": random.normal(size=400)})
    frame["c"] = pd.Series(random.choice(["x", "y", "z", None], size=400), dtype="str")
    frame.loc[::9, "a"] = np.nan
    return frame


def make_pipeline(estimator: Any) -> Pipeline:
    frame = make_frame()
    target = (frame["b"] + (frame["c"] == "x") > 0.3).astype(int)
    params = {"n_estimators": 20} if estimator == "xgboost" else {}
    return build_estimator(estimator, params, FEATURES, seed=1, threads=1).fit(frame, target)


def digest_of(estimator: Any) -> str:
    return hashlib.sha256(dump_model(make_pipeline(estimator))).hexdigest()


ESTIMATORS = ("logistic_regression", "xgboost")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_loaded_model_answers_exactly_like_the_saved_one(estimator: str) -> None:
    pipeline = make_pipeline(estimator)
    loaded = load_model(dump_model(pipeline), "here")
    frame = make_frame()
    unseen = frame.assign(c="never seen", a=np.nan)
    for table in (frame, unseen):
        assert np.array_equal(positive_scores(loaded, table), positive_scores(pipeline, table))


def test_another_process_saves_the_same_bytes() -> None:
    script = f"from tests.io.test_model_files import *; print([digest_of(e) for e in {ESTIMATORS!r}])"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.strip() == str([digest_of(estimator) for estimator in ESTIMATORS])


def test_no_pickle_is_inside() -> None:
    with zipfile.ZipFile(BytesIO(dump_model(make_pipeline("xgboost")))) as file:
        assert {Path(name).suffix for name in file.namelist()} <= {".json", ".npy", ".bin"}


class _RunsOnLoad:
    """Do harm when it is restored."""

    def __setstate__(self, state: Any) -> None:
        raise AssertionError("code of the file was run")

    def __getstate__(self) -> dict[str, int]:
        return {"armed": 1}


def _hostile(step: Any) -> bytes:
    return skops.io.dumps(Pipeline([("first", step), ("model", LogisticRegression())]))


@pytest.mark.parametrize(
    ("step", "named"), [(FunctionTransformer(os.system), "posix.system"), (_RunsOnLoad(), "_RunsOnLoad")]
)
def test_a_hostile_file_is_refused_before_anything_is_loaded(step: Any, named: str) -> None:
    data = _hostile(step)
    with pytest.raises(ModelUntrustedError) as caught:
        load_model(data, "models/m1/model.skops")
    message = str(caught.value)
    assert message.startswith(
        "models/m1/model.skops: the model holds types outside the allow-list; nothing of it was loaded; got: "
    )
    assert named in message
    assert f"allowed: {', '.join(trusted_types())}" in message


def test_a_model_of_untrusted_types_is_not_even_saved() -> None:
    with pytest.raises(ModelUntrustedError, match="the model to be saved: the model holds types outside"):
        dump_model(Pipeline([("first", FunctionTransformer(os.system)), ("model", LogisticRegression())]))


@pytest.mark.parametrize(
    ("data", "got"), [(b"", "ValueError"), (b"not a zip", "BadZipFile"), (b"PK\x03\x04 cut short", "BadZipFile")]
)
def test_bytes_that_are_no_model_are_refused(data: bytes, got: str) -> None:
    with pytest.raises(ModelUntrustedError, match=f"m: not a model file of ours; got: {got}"):
        load_model(data, "m")


def test_a_trusted_object_that_is_no_pipeline_is_refused() -> None:
    with pytest.raises(ModelUntrustedError, match="m: a pipeline is needed; got: LogisticRegression"):
        load_model(skops.io.dumps(LogisticRegression()), "m")
