"""Put a project's tests of behaviour to a model, on rows of the holdout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from include.config.behaviour import Directional, Invariance, Test
from include.config.errors import EvaluationError, ProjectCodeError
from include.config.evidence import BehaviourCheck
from include.config.project import Project
from include.config.project_code import BEHAVIOUR, CODE_FAILURES, code_failure, has_behaviour, load_module
from include.ml.behaviour import changed, check
from include.stages.candidates import LoadedModel
from include.stages.holdout import spread

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
