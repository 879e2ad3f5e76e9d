"""Fit real models on the rows of the synthetic nights, without a store: the declared ones, and some that misbehave."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import skops.io
from sklearn.ensemble import BaggingClassifier
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from include.config.project import Project
from include.domain.results import Span
from include.io.feature_rows import FeatureWindow
from include.io.model_files import dump_model, load_model
from include.io.models import LoadedModel, spec_of
from include.ml.estimators import build_estimator
from include.ml.signature import model_input
from include.stages.train import fit
from tests.support.model_nights import FIRST, make_rows


def labelled_rows(days: int = 8) -> pd.DataFrame:
    """Return the rows of some days in one frame, as a window of features has them."""
    parts = [make_rows(FIRST + timedelta(days=number)) for number in range(days)]
    names = [(FIRST + timedelta(days=number)).isoformat() for number in range(days)]
    return pd.concat([part.assign(day=name) for part, name in zip(parts, names, strict=True)], ignore_index=True)


def fitted(project: Project, candidate: str, frame: pd.DataFrame) -> LoadedModel:
    """Return a declared candidate, fitted on `frame` as a night does."""
    spec = spec_of(project, project.candidate(candidate))
    window, train = FeatureWindow(frame, "rows"), Span(first=FIRST, last=FIRST)
    return fit(spec, window, candidate_id=candidate, train=train, threads=1, lock_hash="lock").model


def heavy(project: Project, model: LoadedModel, frame: pd.DataFrame) -> LoadedModel:
    """Return a committee of hundreds that learn rows by heart: truly slow and large; `model` lends its signature."""
    prepare = build_estimator("xgboost", {}, project.features, seed=1, threads=1)[0]
    committee = BaggingClassifier(KNeighborsClassifier(algorithm="brute"), n_estimators=300, random_state=1)
    # a distance knows no missing values
    pipeline = Pipeline([("prepare", prepare), ("fill", SimpleImputer()), ("model", committee)])
    pipeline.fit(model_input(frame, model.signature), frame[project.target.name])
    return LoadedModel(pipeline, model.signature, dump_model(pipeline))


def answering_nan(model: LoadedModel) -> LoadedModel:
    """Return a linear model whose coefficients are no numbers."""
    pipeline = load_model(model.data, "a copy")
    pipeline[-1].coef_ = np.full_like(pipeline[-1].coef_, np.nan)
    return LoadedModel(pipeline, model.signature, dump_model(pipeline))


def untrusted(model: LoadedModel) -> LoadedModel:
    """Return a model whose bytes hold a type outside the allow-list."""
    pipeline = load_model(model.data, "a copy")
    pipeline.steps.insert(1, ("odd", NotAllowed()))
    return LoadedModel(model.pipeline, model.signature, skops.io.dumps(pipeline))


class NotAllowed:
    """Be a transformer of a type that no release may hold."""

    def fit(self, *_: object) -> NotAllowed:
        """Learn nothing."""
        return self

    def transform(self, rows: object) -> object:
        """Return the rows."""
        return rows
