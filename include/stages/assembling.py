"""Join a day's raw tables to one row per example by the project's own `assemble`, and hold it to the declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pandas as pd

from include.config.errors import PartitionRejectedError, ProjectCodeError, did_you_mean
from include.config.project import Project
from include.config.project_code import CODE_FAILURES, code_failure, line_of, load_module
from include.io.column_types import whole_numbers

# what data that is not as it should be raises in code that is as it should be
_DATA_CAN_CAUSE = (KeyError, TypeError, ValueError)


def assemble(project: Project, day: date, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the day's assembled frame, with the index 0, 1, 2, ...: the same tables give the same order of rows.

    A join or a gap makes pandas write whole numbers as floats: in columns of codes they are whole numbers again.

    Args:
        project: Its `features.py` may define `assemble(tables)`; without it the only table is taken.
        day: The partition, for errors.
        tables: The raw tables by name; they are not changed.

    Raises:
        PartitionRejectedError: The tables lack something: assembling fails as missing columns and wrong types make it
            fail, or the frame lacks a declared column.
        ProjectCodeError: The code fails in a way that data cannot cause, or does not return a frame.
    """
    where = f"{project.name}/{day}"
    function = getattr(load_module(project, "features"), "assemble", None)
    frame: Any
    if function is None:
        if len(tables) != 1:
            raise ProjectCodeError(
                f"{project.name}/features.py",
                "there are several tables and no assemble(tables) to join them",
                got=", ".join(sorted(tables)),
            )
        (frame,) = tables.values()
    else:
        frame = _call(project, function, where, tables)
    if not isinstance(frame, pd.DataFrame):
        raise ProjectCodeError(
            f"{project.name}/features.py", "assemble(tables) must return a DataFrame", got=type(frame).__name__
        )
    _require_columns(project, where, frame, tables)
    codes = [name for name in code_columns(project) if name in frame.columns]
    whole = {name: whole_numbers(frame[name]) for name in codes}
    return frame.assign(**whole).reset_index(drop=True)


def code_columns(project: Project) -> tuple[str, ...]:
    """Return the columns whose values are names and no amounts, so that 1 and 1.0 are one of them and written alike."""
    target = (project.target.column,) if project.target.equals is not None else ()
    return tuple(dict.fromkeys((*project.keys, *target, *project.protected, *project.features.categorical)))


def _call(project: Project, function: Callable[..., Any], where: str, tables: Mapping[str, pd.DataFrame]) -> Any:
    # shallow copies: pandas copies on write, so the project can't change what others read
    copies = {name: table.copy(deep=False) for name, table in tables.items()}
    try:
        return function(copies)
    except _DATA_CAN_CAUSE as error:
        raise PartitionRejectedError(
            where,
            f"assemble(tables) fails on this day's tables with {type(error).__name__}",
            got=f"{' '.join(str(error).split())[:300]} in {line_of(project, 'features', error)}",
            allowed=columns_of(tables),
            hint="a table lacks a column or has a wrong type; if the tables are right, repair features.py",
        ) from error
    except CODE_FAILURES as error:
        what = "assemble(tables) in features.py fails"
        raise code_failure(project, "features", what, error, about=f" on {where.partition('/')[2]}") from error


def _require_columns(project: Project, where: str, frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> None:
    twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if twice:
        raise ProjectCodeError(f"{project.name}/features.py", "assemble(tables) returns columns twice", got=twice)
    dated = (project.source.date_column,) if project.source.date_column is not None else ()
    needed = (*project.keys, project.target.column, *project.protected, *dated)
    missing = sorted(set(needed) - set(frame.columns))
    if missing:
        meant = did_you_mean(missing[0], [str(name) for name in frame.columns])
        raise PartitionRejectedError(
            where,
            "declared columns are missing",
            got=", ".join(missing),
            allowed=columns_of(tables),
            hint=f"{meant} Correct project.yaml, where that is the column's name"
            if meant
            else "the source no longer delivers them, features.py drops them, or project.yaml names them wrongly",
        )


def columns_of(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the columns of the tables as "table.column"."""
    return [f"{name}.{column}" for name, table in tables.items() for column in table.columns]
