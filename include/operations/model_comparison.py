"""Compare a model that was made again with the recorded one, number by number."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import zip_longest
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from include.config.identity import with_definition
from include.domain.decision import Decision
from include.domain.results import Receipt
from include.io.models import LoadedModel, TrainingRecord


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
    elif hasattr(part, "get_booster"):
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


ABSENT = "nothing"


class NumberDifference(Receipt):
    """Name one thing that differs; of a row of values the first that does.

    Attributes:
        then: As it was recorded.
        now: As it is made again.
        count: How many values differ.
        of: Out of how many.
        largest: The largest absolute difference, for numbers.
    """

    what: str
    then: str
    now: str
    count: int = 1
    of: int = 1
    largest: float | None = None


class Reproduction(Receipt):
    """Be the result of making a recorded model again.

    Attributes:
        status: `identical`: the same bytes and every recorded number; `different`: see `differences`; `incomplete`:
            what could be compared is the same, and something needed is `missing`.
        model_then: sha256 of the recorded model's bytes, empty when it is not known.
        model_now: sha256 of the bytes made again, empty when it could not be made.
        threads: With how many the model was made, then and now.
        holdout: Every metric of the decision, measured again.
        differences: Results that differ.
        circumstances: What differs in libraries, code and settings; by itself it makes no model different.
        missing: What is needed and is gone or damaged.
    """

    project: str
    version: str
    candidate_id: str
    as_of: date
    decision_id: str
    status: Literal["identical", "different", "incomplete"]
    model_then: str = ""
    model_now: str = ""
    days: int = 0
    rows: int = 0
    threads: int = 0
    holdout: dict[str, float] = {}
    differences: tuple[NumberDifference, ...] = ()
    circumstances: tuple[NumberDifference, ...] = ()
    missing: tuple[str, ...] = ()


def compare(what: str, then: Any, now: Any) -> list[NumberDifference]:
    """Return the difference of two values, if there is one; numbers are equal when every bit is."""
    if _same(then, now):
        return []
    return [NumberDifference(what=what, then=_said(then), now=_said(now), largest=_gap(then, now))]


def compare_rows(what: str, then: Sequence[Any], now: Sequence[Any]) -> list[NumberDifference]:
    """Return the difference of two rows of values in one line, if there is one."""
    pairs = list(zip_longest(then, now, fillvalue=ABSENT))
    unequal = [(one, other) for one, other in pairs if not _same(one, other)]
    if not unequal:
        return []
    gaps = [gap for gap in (_gap(one, other) for one, other in unequal) if gap is not None]
    first, second = unequal[0]
    return [
        NumberDifference(
            what=what,
            then=_said(first),
            now=_said(second),
            count=len(unequal),
            of=len(pairs),
            largest=max(gaps) if gaps else None,
        )
    ]


def compare_records(then: TrainingRecord, now: TrainingRecord) -> list[NumberDifference]:
    """Return every number of the training that differs: params, threshold, each trial and fold, and their rows."""
    found = [
        *compare("rows", then.rows, now.rows),
        *compare("share of positives", then.positive_rate, now.positive_rate),
        *_compare_named("chosen param", then.params, now.params),
        *compare(f"cv {then.metric} mean", then.cv_mean, now.cv_mean),
        *compare(f"cv {then.metric} std", then.cv_std, now.cv_std),
    ]
    found += compare("threshold", then.threshold.value, now.threshold.value)
    found += compare(f"threshold, {then.threshold.objective}", then.threshold.reached, now.threshold.reached)
    for fold, scores in _numbered(then.fold_scores, now.fold_scores):
        found += compare(f"fold {fold} of the chosen params", *scores)
    for number, (old, new) in _numbered(then.trials, now.trials):
        if old is None or new is None:
            found += compare(f"trial {number}", old and old.params, new and new.params)
            continue
        found += _compare_named(f"trial {number}, param", old.params, new.params)
        for fold, scores in _numbered(old.scores, new.scores):
            found += compare(f"trial {number}, fold {fold}", *scores)
    return [*found, *compare_rows("warnings of the libraries", then.notes, now.notes)]


def compare_decision(decision: Decision, now: TrainingRecord) -> list[NumberDifference]:
    """Return every number of the training that the decision tells otherwise."""
    challenger = decision.challenger
    return [
        *compare("decision: train rows", decision.train_rows, now.rows),
        *_compare_named("decision: param", challenger.params, now.params),
        *compare("decision: cv mean", challenger.cv_mean, now.cv_mean),
        *compare("decision: cv std", challenger.cv_std, now.cv_std),
        *compare("decision: data fingerprint", decision.data_fingerprint, now.data_fingerprint),
    ]


def compare_measured(whose: str, then: Mapping[str, float], now: Mapping[str, float]) -> list[NumberDifference]:
    """Return every metric on the holdout that differs."""
    return _compare_named(f"holdout, {whose}:", then, now)


def compare_models(then: LoadedModel, now: LoadedModel, train_rows: pd.DataFrame) -> list[NumberDifference]:
    """Return what two models have learnt differently, and how far their answers are apart on the train rows."""
    learnt, again = fitted_numbers(then.pipeline), fitted_numbers(now.pipeline)
    found = compare_rows(
        "probabilities on the train rows", then.score(train_rows).tolist(), now.score(train_rows).tolist()
    )
    for name in sorted(learnt.keys() | again.keys()):
        found += compare_rows(f"fitted {name}", learnt.get(name, []), again.get(name, []))
    return found


def compare_circumstances(
    then: TrainingRecord, now: TrainingRecord, *, threads: int, commits: tuple[str, str]
) -> list[NumberDifference]:
    """Return what differs in libraries, Python, code, lock and threads.

    Args:
        then: As recorded.
        now: As made again.
        threads: What is set here; the model is made with the recorded number all the same.
        commits: Of the code, then and now.
    """
    # a library that does not make this kind of model is not recorded any more
    recorded = {name: version for name, version in then.versions.items() if name in now.versions}
    return [
        *_compare_named("version of", recorded, now.versions),
        *compare(
            "code that makes models", with_definition(then.code_fingerprint), with_definition(now.code_fingerprint)
        ),
        *compare("dependency lock", then.lock_hash, now.lock_hash),
        *compare("threads set here", then.threads, threads),
        *compare("git commit", *commits),
    ]


def _compare_named(what: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[NumberDifference]:
    return [
        difference
        for name in sorted(then.keys() | now.keys())
        for difference in compare(f"{what} {name}", then.get(name, ABSENT), now.get(name, ABSENT))
    ]


def _numbered(then: Sequence[Any], now: Sequence[Any]) -> Iterable[tuple[int, tuple[Any, Any]]]:
    return enumerate(zip_longest(then, now), start=1)


def _same(then: Any, now: Any) -> bool:
    if _is_number(then) and _is_number(now) and math.isnan(then) and math.isnan(now):
        return True
    return type(then) is type(now) and bool(then == now)


def _gap(then: Any, now: Any) -> float | None:
    return float(abs(np.float64(then) - np.float64(now))) if _is_number(then) and _is_number(now) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _said(value: Any) -> str:
    return ABSENT if value is None else value if isinstance(value, str) else repr(value)
