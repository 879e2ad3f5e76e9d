"""Make the candidates of the bench that no declaration makes: other models, and files that somebody touched."""

from __future__ import annotations

import os

import numpy as np
import skops.io
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from include.domain.results import TrainResult
from include.io import keys
from include.io.manifests import to_json
from include.io.models import MODEL, LoadedModel
from include.ml.estimators import build_estimator
from include.ml.signature import Signature, model_input
from tests.support.bench.house import House
from tests.support.bench.trial import Trial


def slow(house: House) -> Trial:
    """Ask thirty models for every answer."""
    few = {**house.ground.params, "n_estimators": 10, "learning_rate": 0.4}
    member = build_estimator("xgboost", few, house.project().features, seed=1, threads=1)[-1]
    return _refitted(house, BaggingClassifier(member, n_estimators=100, max_samples=0.3, random_state=1))


def oversized(house: House) -> Trial:
    """Grow deep trees by the dozen where one small one would do."""
    forest = {**house.ground.params, "num_parallel_tree": 16, "max_depth": 14, "min_child_weight": 0.5}
    return _refitted(house, build_estimator("xgboost", forest, house.project().features, seed=1, threads=1)[-1])


def constant(house: House) -> Trial:
    """Say the same of everybody."""
    return _refitted(house, DummyClassifier(strategy="prior"))


def answers_nan(house: House) -> Trial:
    """Have a coefficient that is no number, as after a fit that diverged."""
    linear = [{"name": "challenger", "estimator": "logistic_regression"}]
    project = house.project(candidates=linear)
    result = house.train(project)
    pipeline = house.model(result).pipeline
    pipeline[-1].coef_[0, 0] = np.nan
    house.keep_instead(result, pipeline)
    return Trial(project, (result,))


def contradicts_itself(house: House) -> Trial:
    """Say in the signature that it needs less than the model does."""
    trial, result, model = _honest(house)
    shorter = Signature(features=model.signature.features[1:], target=model.signature.target)
    house.keep_instead(result, model.data, to_json(shorter))
    return trial


def tampered(house: House) -> Trial:
    """Have one byte changed after training."""
    trial, result, _ = _honest(house)
    change_a_byte(house, result)
    return trial


def damaged(house: House) -> Trial:
    """Be half an archive, as its manifest says."""
    trial, result, model = _honest(house)
    house.keep_instead(result, model.data[: len(model.data) // 2])
    return trial


def unloadable(house: House) -> Trial:
    """Hold a type that is not on the allow-list: a call of the shell."""
    trial, result, model = _honest(house)
    shell = FunctionTransformer(os.system)
    house.keep_instead(result, skops.io.dumps(Pipeline([("run", shell), *model.pipeline.steps])))
    return trial


def change_a_byte(house: House, result: TrainResult) -> bytes:
    """Change one byte of a candidate's model, and return what was there."""
    key = keys.model_file(house.ground.name, result.candidate_id, MODEL)
    data = house.store.get(key)
    middle = len(data) // 2
    house.store.put(key, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    return data


def _honest(house: House) -> tuple[Trial, TrainResult, LoadedModel]:
    project = house.project()
    result = house.train(project)
    return Trial(project, (result,)), result, house.model(result)


def _refitted(house: House, model: object) -> Trial:
    """Return a trial of another model, fitted on the train part behind the same preparation."""
    trial, result, honest = _honest(house)
    frame = house.train_rows()
    prepare = honest.pipeline[0]
    model.fit(prepare.transform(model_input(frame, honest.signature)), frame[trial.project.target.name].to_numpy(int))  # type: ignore[attr-defined]
    house.keep_instead(result, Pipeline([("prepare", prepare), ("model", model)]))
    return trial
