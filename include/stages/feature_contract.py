"""Call a project's `build_features` with only what it may know, and hold what it returns to the declaration."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from include.config.errors import MAX_EXAMPLES, ProjectCodeError
from include.config.project import Project
from include.config.project_code import CODE_FAILURES, code_failure, line_of, load_module
from include.io.column_types import whole_numbers

# XGBoost and other libraries reckon with floats of 32 bits
LARGEST = float(np.finfo(np.float32).max)


def build(project: Project, day: date, raw: pd.DataFrame, history: pd.DataFrame | None) -> pd.DataFrame:
    """Return the declared features of a day's rows, in the declared order, numeric ones float64, categorical ones str.

    What is unknown at prediction is not in the frame the project's code gets: a leak fails instead of scoring well.

    Args:
        project: Its `features.py` holds `build_features(raw, history)`.
        day: The partition, for errors.
        raw: The day's good rows, all columns.
        history: The rows of the days looked back to; None when none is declared.

    Raises:
        ProjectCodeError: The code fails, asks for what is unknown, changes its arguments, or returns something else
            than declared.
    """
    where = f"{project.name}/features.py on {day}"
    hidden = [name for name in unknown_columns(project) if name in raw.columns]
    known = raw.drop(columns=hidden)
    # shallow copies: pandas copies on write, so a change shows in ours alone and can be seen
    given, given_history = known.copy(deep=False), None if history is None else history.copy(deep=False)
    features = _call(project, day, given, given_history, hidden)
    for name, before, after in (("raw", known, given), ("history", history, given_history)):
        if before is not None and after is not None and not after.equals(before):
            raise ProjectCodeError(where, f"build_features changes `{name}`", hint="it must be pure: work on a copy")
    return _checked(project, where, known, features)


def unknown_columns(project: Project) -> tuple[str, ...]:
    """Return the raw columns that `build_features` may not see of the day itself: the target's, and those declared."""
    return tuple(dict.fromkeys((project.target.column, *project.unknown_at_prediction)))


def _call(
    project: Project, day: date, raw: pd.DataFrame, history: pd.DataFrame | None, hidden: list[str]
) -> pd.DataFrame:
    module = load_module(project, "features")
    try:
        features = module.build_features(raw, history)
    except CODE_FAILURES as error:
        asked = sorted(name for name in hidden if name in str(error))
        if isinstance(error, KeyError | AttributeError) and asked:
            raise ProjectCodeError(
                f"{line_of(project, 'features', error)} on {day}",
                "build_features asks for a column that is not known at prediction time: a leak",
                got=", ".join(asked),
                allowed=[str(column) for column in raw.columns],
                hint="use `history` for what happened on earlier days",
            ) from error
        raise code_failure(project, "features", "build_features fails", error, about=f" on {day}") from error
    if not isinstance(features, pd.DataFrame):
        where = f"{project.name}/features.py on {day}"
        raise ProjectCodeError(where, "build_features must return a DataFrame", got=type(features).__name__)
    return features


def _checked(project: Project, where: str, raw: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    declared = project.features
    names = [str(name) for name in features.columns]
    if sorted(names) != sorted(declared.names):
        missing, more = sorted(set(declared.names) - set(names)), sorted(set(names) - set(declared.names))
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ProjectCodeError(
            where,
            "build_features must return exactly the declared features",
            got=f"missing: {missing}; not declared: {more}; twice: {twice}",
            allowed=declared.names,
            hint="declare them under features: in project.yaml, or leave them out",
        )
    if not features.index.equals(raw.index):
        raise ProjectCodeError(
            where,
            "build_features must return one row for each row of `raw`, indexed like it",
            got=f"{len(features)} rows for {len(raw.index)}",
            hint="a merge loses the index: use map or join",
        )
    for name in declared.numeric:
        _check_numeric(where, name, features[name])
    for name in declared.categorical:
        _check_categorical(where, name, features[name])
        _check_whole(where, name, features[name], raw)
    checked = features[list(declared.names)]
    return checked.astype(dict.fromkeys(declared.categorical, "str"))


def _check_numeric(where: str, name: str, column: pd.Series) -> None:
    if column.dtype != np.float64:
        raise ProjectCodeError(
            where,
            f"the numeric feature '{name}' has the wrong type",
            got=str(column.dtype),
            allowed=("float64",),
            hint='.astype("float64")',
        )
    infinite = int(np.isinf(column.to_numpy()).sum())
    if infinite:
        raise ProjectCodeError(
            where,
            f"the numeric feature '{name}' is infinite",
            got=f"{infinite} of {len(column)} rows",
            hint="a division by zero? NaN stands for missing",
        )
    beyond = column[column.abs() > LARGEST]
    if len(beyond):
        raise ProjectCodeError(
            where,
            f"the numeric feature '{name}' is beyond what a 32-bit float holds, and no model can take it",
            got=f"{len(beyond)} of {len(column)} rows, the largest {beyond.abs().max():g}",
            allowed=(f"-{LARGEST:g} to {LARGEST:g}",),
            hint="a wrong unit or a mark for missing at the source? set it to NaN, or clip it",
        )


def _check_categorical(where: str, name: str, column: pd.Series) -> None:
    if isinstance(column.dtype, pd.StringDtype):
        return
    is_object = column.dtype == object
    found = {type(value).__name__ for value in column.dropna()} - {"str"} if is_object else {str(column.dtype)}
    if found:
        raise ProjectCodeError(
            where,
            f"the categorical feature '{name}' has the wrong type",
            got=", ".join(sorted(found)[:MAX_EXAMPLES]),
            allowed=("str, None when missing",),
            hint='.astype("str")',
        )


def _check_whole(where: str, name: str, column: pd.Series, raw: pd.DataFrame) -> None:
    """Refuse whole numbers that became text as floats: "1.0" on a day with a gap, and "1" on all others."""
    values = set(column.dropna().unique())
    if not values or not all(str(value).endswith(".0") for value in values):
        return
    for source, given in raw.items():
        is_whole = pd.api.types.is_float_dtype(given) and not pd.api.types.is_float_dtype(whole_numbers(given))
        if is_whole and values <= set(given.dropna().astype("str")):
            raise ProjectCodeError(
                where,
                f"the categorical feature '{name}' is made of whole numbers as floats: on a day without a gap 1.0 is 1",
                got=", ".join(sorted(values)[:MAX_EXAMPLES]),
                hint=f'raw["{source}"].astype("Int64").astype("str")',
            )
