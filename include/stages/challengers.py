"""Read the candidate under judgement; one that cannot be read, or gives no probabilities, is evidence too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.config.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    EvaluationError,
    ModelUntrustedError,
    ObjectMissingError,
)
from include.config.results import TrainResult
from include.io import keys
from include.io.manifests import Manifest, get_file, parse_receipt, read_manifest
from include.io.object_store import ObjectStore
from include.ml.metrics import check_probabilities
from include.stages.candidates import TRAINING, LoadedModel, TrainingRecord, load_from

# what libraries raise for inputs that a model cannot take, or for a model that is not what it says
_WRONG = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Challenger:
    """Hold the candidate under judgement.

    Attributes:
        result: What train said of it.
        record: How it was made.
        model: None when it cannot be read.
        broken: Why it cannot be read or does not answer; empty when it does.
        version: Its model version.
    """

    result: TrainResult
    record: TrainingRecord
    model: LoadedModel | None
    broken: str = ""
    version: str = ""


def read_challenger(store: ObjectStore, project: str, result: TrainResult) -> Challenger:
    """Return the candidate; a model file that is damaged or not trusted is told in `broken`.

    Raises:
        ObjectMissingError: It was never finished, or its files are gone.
        ChecksumMismatchError, ArtifactDamagedError: Its manifest or its record is damaged: nothing is known of it.
    """
    manifest = _manifest(store, project, result.candidate_id)
    where = store.uri(manifest.files[TRAINING].key)
    record = parse_receipt(get_file(store, manifest.files[TRAINING]), where, TrainingRecord)
    try:
        return Challenger(result, record, load_from(store, manifest))
    except (ArtifactDamagedError, ChecksumMismatchError, ModelUntrustedError) as error:
        return Challenger(result, record, None, str(error))


def answers(model: LoadedModel, frame: pd.DataFrame, where: str) -> np.ndarray | str:
    """Return the model's probability of 1 for each row of `frame`, shape (n_rows,), or why it gives none.

    Args:
        where: What is scored, for the message.
    """
    try:
        scores = np.asarray(model.score(frame), dtype="float64")
        check_probabilities(scores, where)
    except EvaluationError as error:
        return str(error)
    except _WRONG as error:
        return f"{where}: the model fails to answer; got: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return scores


def _manifest(store: ObjectStore, project: str, candidate_id: str) -> Manifest:
    key = keys.model_manifest(project, candidate_id)
    manifest = read_manifest(store, key)
    if manifest is None:
        raise ObjectMissingError(store.uri(key), "no such trained candidate", hint="run train for it again")
    return manifest
