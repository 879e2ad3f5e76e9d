"""Read the candidate under judgement; one that cannot be read, or gives no probabilities, is evidence too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from include.config.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    EvaluationError,
    ModelUntrustedError,
)
from include.config.results import TrainResult
from include.io.object_store import ObjectStore
from include.ml.metrics import check_probabilities
from include.stages.candidates import LoadedModel, TrainingRecord, candidate_manifest, load_with, read_record

# what libraries raise for inputs that a model cannot take, or for a model that is not what it says
_WRONG = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Challenger:
    """Hold the candidate under judgement.

    Attributes:
        result: What train said of it.
        record: How it was made.
        model: None when it cannot be read.
        broken: Why it cannot be read or does not answer; empty when it does.
        version: Its model version.
        made_at: When it was made.
    """

    result: TrainResult
    record: TrainingRecord
    model: LoadedModel | None
    broken: str = ""
    version: str = ""
    made_at: datetime = LONG_AGO


def read_challenger(store: ObjectStore, project: str, result: TrainResult) -> Challenger:
    """Return the candidate; a model file that is damaged or not trusted is told in `broken`.

    Raises:
        ObjectMissingError: It was never finished, or its files are gone.
        ChecksumMismatchError, ArtifactDamagedError: Its manifest or its record is damaged: nothing is known of it.
    """
    manifest = candidate_manifest(store, project, result.candidate_id)
    record = read_record(store, manifest)
    try:
        return Challenger(result, record, load_with(store, manifest, record), made_at=manifest.made_at)
    except (ArtifactDamagedError, ChecksumMismatchError, ModelUntrustedError) as error:
        return Challenger(result, record, None, str(error), made_at=manifest.made_at)


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
