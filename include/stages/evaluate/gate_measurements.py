"""Measure what gates look at beside the metrics: groups, leakage, missing labels, behaviour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from include.config.behaviour import Directional, Invariance, Test
from include.config.gates import CalibrationGate, FairnessGate, SliceGate
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.config.project_code import BEHAVIOUR, CODE_FAILURES, code_failure, has_behaviour, load_module
from include.domain.champion import state_after
from include.domain.decision import DayRows
from include.domain.errors import EvaluationError, ProjectCodeError
from include.domain.evidence import (
    BehaviourCheck,
    Calibration,
    Fairness,
    Group,
    Labels,
    LabelsOfDay,
    LabelsOfGroup,
    Leakage,
    Stability,
)
from include.domain.metrics import MetricName, improvement
from include.io.feature_rows import FeatureWindow
from include.io.keys import DAY
from include.io.ledger import Ledger
from include.io.models import LoadedModel
from include.ml.behaviour import changed, check
from include.ml.calibration import calibration, stability
from include.ml.leakage import FeatureToCheck, alone_auc, count, determines, find_repeats
from include.ml.metrics import Predictions
from include.ml.slices import fairness, grouping, measure_slices
from include.stages.evaluate.context import spread

_SLICE_ROWS: int = SliceGate.model_fields["min_rows"].default
_FAIRNESS_ROWS: int = FairnessGate.model_fields["min_rows"].default
_BINS: int = CalibrationGate.model_fields["bins"].default


def measure_groups(project: Project, frame: pd.DataFrame, scored: Predictions) -> tuple[Group, ...]:
    """Return both models' metrics in the groups of rows that slice gates judge, and that people look at.

    Args:
        frame: The holdout's rows, with features and protected columns.
        scored: Labels and scores of the same rows.

    Returns:
        The metric of each `slice` gate by its columns; and the primary metric by each protected column and declared
        slice, where no gate measures it.
    """
    return tuple(
        group
        for (metric, column), min_rows in _looked_at(project).items()
        for group in measure_slices(metric, column, frame[column], scored, min_rows)
    )


def measure_fairness(project: Project, frame: pd.DataFrame, scored: Predictions) -> tuple[Fairness, ...]:
    """Return how the challenger answers groups of people at its threshold: one for each protected column.

    Args:
        frame: The holdout's rows, with the protected columns.
        scored: Labels and scores of the same rows.
    """
    gates = [gate for gate in gates_in_force(project) if isinstance(gate, FairnessGate)]
    return tuple(
        fairness(
            column,
            frame[column],
            scored.labels,
            scored.challenger,
            scored.challenger_threshold,
            next((gate.min_rows for gate in gates if column in (gate.by or project.protected)), _FAIRNESS_ROWS),
        )
        for column in project.protected
    )


def measure_calibration(project: Project, scored: Predictions) -> dict[str, Calibration]:
    """Return whether the scores of challenger and champion, if any, are probabilities, by role."""
    bins = next((gate.bins for gate in gates_in_force(project) if isinstance(gate, CalibrationGate)), _BINS)
    found = {"challenger": calibration(scored.labels, scored.challenger, bins)}
    if scored.champion is not None:
        found["champion"] = calibration(scored.labels, scored.champion, bins)
    return found


def measure_stability(scored: Predictions) -> Stability | None:
    """Return how far the challenger's scores moved from the champion's; None without a champion."""
    return None if scored.champion is None else stability(scored.challenger, scored.champion)


def _looked_at(project: Project) -> dict[tuple[MetricName, str], int]:
    """Return the metrics and columns to look at, with the fewest rows of a group that is judged."""
    found: dict[tuple[MetricName, str], int] = {}
    for metric, column, min_rows in (*_by_gates(project), *_by_default(project)):
        found.setdefault((metric, column), min_rows)
    return found


def _by_gates(project: Project) -> Iterator[tuple[MetricName, str, int]]:
    for gate in gates_in_force(project):
        if isinstance(gate, SliceGate):
            for column in gate.by or (*project.protected, *project.slices):
                yield gate.metric, column, gate.min_rows


def _by_default(project: Project) -> Iterator[tuple[MetricName, str, int]]:
    for column in (*project.protected, *project.slices):
        yield project.metrics.primary, column, _SLICE_ROWS


# older nights tell little of what is ordinary in this season; a project that trains monthly still has three
OLDEST_NIGHT = timedelta(days=100)


def measure_leakage(
    project: Project, learnt: pd.DataFrame, frame: pd.DataFrame, ledger: Ledger, as_of: date
) -> Leakage:
    """Return what each feature tells by itself, and what the nights before were worth.

    Args:
        learnt: The rows that the challenger has learnt from.
        frame: The holdout's rows with features and target; both classes are there.
        ledger: Of the project; its newest entry alone is read.
        as_of: The day of the run: only nights of earlier days count, and never a backfill, so that the runs of a
            backfill see the same nights in whatever order they end.
    """
    labels = np.asarray(frame[project.target.name], dtype=int)
    features = _features(project, frame, labels)
    best = sorted(((name, alone_auc(feature)) for name, feature in features.items()), key=lambda each: -each[1])
    return Leakage(
        metric=project.metrics.primary,
        single_feature_auc=tuple(best),
        same_as_target=tuple(name for name, feature in features.items() if determines(feature.whole)),
        best_before=_best_before(project, ledger, as_of),
        positives=int(labels.sum()),
        negatives=int((1 - labels).sum()),
        repeats=find_repeats(
            learnt,
            frame,
            keys=project.keys,
            features=project.features.names,
            target=project.target.name,
            day=DAY,
        ),
    )


def _features(project: Project, frame: pd.DataFrame, labels: np.ndarray) -> dict[str, FeatureToCheck]:
    half = np.random.default_rng(project.seed).permutation(len(labels)) % 2
    declared = project.features
    return {
        name: count(frame[name], "numeric" if name in declared.numeric else "categorical", labels, half)
        for name in declared.names
    }


def _best_before(project: Project, ledger: Ledger, as_of: date) -> tuple[float, int] | None:
    """Return the best primary metric of the nights before, and how many there are."""
    primary = project.metrics.primary
    values = [
        value
        for day, metric, value in state_after(ledger.history()).nights
        if as_of - OLDEST_NIGHT <= day < as_of and metric == primary
    ]
    return (max(values, key=lambda value: improvement(primary, value, 0.0)), len(values)) if values else None


def measure_labels(project: Project, train: Sequence[DayRows], holdout: FeatureWindow) -> Labels:
    """Return how many labels are missing in the train part and in the holdout.

    Args:
        project: Declares the columns of the groups: protected ones and slices.
        train: The rows that the challenger was trained on; days of records that did not count are left out.
        holdout: The rows that are judged on, and those left out.
    """
    parts = (("train", train), ("holdout", holdout.data))
    days = tuple(
        LabelsOfDay(day=each.day, part=part, labelled=each.rows, missing=each.unlabelled)
        for part, data in parts
        for each in data
        if each.unlabelled is not None
    )
    return Labels(days=days, groups=tuple(_groups(project, holdout)))


def _groups(project: Project, holdout: FeatureWindow) -> Iterator[LabelsOfGroup]:
    if holdout.unlabelled is None:
        return
    missing = np.repeat([False, True], [len(holdout.frame), len(holdout.unlabelled)])
    for column in dict.fromkeys((*project.protected, *project.slices)):
        values = pd.concat([holdout.frame[column], holdout.unlabelled[column]], ignore_index=True)
        found = grouping(values)
        for place, name in enumerate(found.names):
            inside = missing[found.of_row == place]
            yield LabelsOfGroup(column=column, group=name, labelled=int((~inside).sum()), missing=int(inside.sum()))


# a share of so many rows is known to half a percent, and each test scores no more of them
MAX_ROWS = 10_000


def measure_behaviour(project: Project, frame: pd.DataFrame, model: LoadedModel) -> tuple[BehaviourCheck, ...] | None:
    """Return how `model` does in each test of the project's `behaviour.py`; None when the project has none.

    Args:
        project: The tests see its features and its protected columns, and neither keys nor target nor personal data.
        frame: The holdout's rows; of more than 10,000, that many are taken evenly.

    Raises:
        ProjectCodeError: The tests cannot be read, or one fails or returns something else than the rows it was given.
    """
    if not has_behaviour(project):
        return None
    tests = read_tests(project)
    seen = [name for name in dict.fromkeys((*project.features.names, *project.protected)) if name in frame.columns]
    rows = frame[seen].iloc[spread(len(frame), MAX_ROWS)].reset_index(drop=True)
    before = model.score(rows)
    return tuple(_measured(project, test, rows, before, model) for test in tests)


def read_tests(project: Project) -> list[Test]:
    """Return the project's tests of behaviour.

    Raises:
        ProjectCodeError: `build_behaviour` fails, or returns no tests, or two of one name.
    """
    where = f"{project.name}/{BEHAVIOUR}.py"
    module = load_module(project, BEHAVIOUR)
    try:
        tests: Any = module.build_behaviour()
    except CODE_FAILURES as error:
        raise code_failure(project, BEHAVIOUR, "build_behaviour fails", error) from error
    kinds = ("Directional", "Invariance")
    if not isinstance(tests, list | tuple) or not tests:
        got = type(tests).__name__ if not isinstance(tests, list | tuple) else "none"
        raise ProjectCodeError(where, "build_behaviour must return a list of at least one test", got=got, allowed=kinds)
    for test in tests:
        if not isinstance(test, Invariance | Directional):
            raise ProjectCodeError(where, "not a test of behaviour", got=type(test).__name__, allowed=kinds)
    names = [test.name for test in tests]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ProjectCodeError(where, "two tests have one name", got=", ".join(twice))
    return list(tests)


def _measured(
    project: Project, test: Test, rows: pd.DataFrame, before: np.ndarray, model: LoadedModel
) -> BehaviourCheck:
    where = f"{project.name}/{BEHAVIOUR}.py, test '{test.name}'"
    after = _changed_rows(project, where, test, rows)
    differs = changed(rows, after).any(axis=1).to_numpy()
    given, became = rows[differs], after[differs]
    try:
        scores = model.score(became) if len(became) else np.empty(0)
    except EvaluationError as error:
        raise ProjectCodeError(where, "a model cannot score what `change` returns", got=error) from error
    return check(test, (given, became), (before[differs], scores), unnamed={*project.keys, *project.protected})


def _changed_rows(project: Project, where: str, test: Test, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the test makes of the rows, held to what it may change: values."""
    try:
        # a copy of its own: what it does in place stays here
        after: Any = test.change(rows.copy())
    except CODE_FAILURES as error:
        raise code_failure(project, BEHAVIOUR, "change fails", error, about=f", test '{test.name}'") from error
    if not isinstance(after, pd.DataFrame):
        raise ProjectCodeError(where, "change must return a DataFrame", got=type(after).__name__)
    columns = [str(name) for name in rows.columns]
    if sorted(map(str, after.columns)) != sorted(columns):
        got = ", ".join(sorted(map(str, after.columns)))
        hint = "rows.assign(column=...) keeps the others"
        raise ProjectCodeError(
            where, "change must return the columns it was given", got=got, allowed=columns, hint=hint
        )
    if not after.index.equals(rows.index):
        what = "change must return one row for each row it was given, in their order"
        hint = "leave rows that the test is not about as they are: only changed rows count"
        raise ProjectCodeError(where, what, got=f"{len(after)} rows for {len(rows)}", hint=hint)
    return after[columns]
