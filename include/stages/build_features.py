"""Build features: turn good raw rows into feature rows with their labels, from what was known before and no more."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from include.config.day_fingerprints import Recipe, recipe_of
from include.config.project import Project, Target
from include.config.project_code import CODE_FAILURES, code_failure, line_of, load_module
from include.config.window import lookback_of, portions, refuse_unfinished
from include.domain import clock
from include.domain.errors import MAX_EXAMPLES, ProjectCodeError
from include.domain.results import FeaturesResult, PartitionInputs
from include.io import keys
from include.io.keys import ROWS
from include.io.manifests import MAX_TRIES, Manifest, kept_changing, put_file, read_current, replace_current
from include.io.object_store import ObjectStore
from include.io.raw_rows import ValidRows, snapshot_id
from include.io.stores import open_store
from include.io.tables import to_parquet, whole_numbers

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


logger = logging.getLogger(__name__)


def run(project: Project, inputs: PartitionInputs) -> FeaturesResult:
    """Write the feature rows of the days of a batch; days that are there already, from the same, are left alone.

    Returns:
        Labelled `rows` and rows `unlabelled` (kept beside them) of all days, and how many days were `written` now.

    Raises:
        PartitionRejectedError: A day is not validated, or was rejected.
        ProjectCodeError: `features.py` fails or breaks its contract.
        PartitionChangedError: Another run is changing a day; looking again later is safe.
    """
    refuse_unfinished(inputs)
    store = open_store(inputs.store_url)
    recipe = recipe_of(project)
    rows = unlabelled = written = 0
    for portion in portions(project, sorted(inputs.days), inputs.origin.run_id):
        settled, new = _settle(project, inputs, store, recipe, portion)
        rows += sum(manifest.details["rows"] for manifest in settled.values())
        unlabelled += sum(manifest.details["unlabelled"] for manifest in settled.values())
        written += new
    logger.info("%s: features of %d days written, %d rows, %d unlabelled", project.name, written, rows, unlabelled)
    return FeaturesResult(days=inputs.days, rows=rows, unlabelled=unlabelled, written=written)


def _settle(
    project: Project, inputs: PartitionInputs, store: ObjectStore, recipe: Recipe, days: Sequence[date]
) -> tuple[dict[date, Manifest], int]:
    """Return the features of each day, and how many were written now; a day that another run changed is seen anew."""
    settled: dict[date, Manifest] = {}
    written = 0
    for _ in range(MAX_TRIES):
        left = [day for day in days if day not in settled]
        # before the snapshots are read: see in_force
        seen = {day: read_current(store, keys.features_manifest(project.name, day)) for day in left}
        good_days = ValidRows(project, store, recipe)
        for day in left:
            needed = (*lookback_of(project, day), day)
            fingerprint = recipe.of_features({each: snapshot_id(good_days.snapshot(each)) for each in needed})
            known = seen[day].manifest
            if known is not None and known.fingerprint == fingerprint and not inputs.force:
                settled[day] = known
                continue
            manifest = _make(project, inputs, store, recipe, day, fingerprint, good_days)
            if replace_current(store, keys.features_manifest(project.name, day), manifest, seen[day]):
                settled[day] = manifest
                written += 1
        if len(settled) == len(days):
            return settled, written
    changed = ", ".join(str(day) for day in days if day not in settled)
    raise kept_changing(f"{project.name}/build_features on {changed}")


def history_of(project: Project, day: date, frames: Mapping[date, pd.DataFrame]) -> pd.DataFrame | None:
    """Return the rows of the days that `day` looks back to, oldest first; None when none is declared.

    Of days whose label is not known by the end of `day` (see `label_delay_days`), the target's column and the
    `unknown_at_prediction` columns are emptied: a run for that day could not have known them.

    Args:
        project: Declares lookback, delay and what is unknown.
        day: The day whose features are made.
        frames: The good rows of the days looked back to.
    """
    if not project.window.lookback_days:
        return None
    known_until = day - timedelta(days=project.window.label_delay_days)
    parts = []
    for earlier in lookback_of(project, day):
        frame = frames[earlier]
        if earlier > known_until:
            frame = frame.copy(deep=False)
            for name in unknown_columns(project):
                if name in frame.columns:
                    frame[name] = frame[name].mask(pd.Series(data=True, index=frame.index))
        parts.append(frame)
    return pd.concat(parts, ignore_index=True) if parts else None


def label(target: Target, column: pd.Series) -> pd.Series:
    """Return 1, 0 or missing (where `column` is null) for each row, as nullable Int8."""
    positive = column > target.greater_than if target.greater_than is not None else column == target.equals
    return positive.astype("Int8").mask(column.isna())


def _make(
    project: Project,
    inputs: PartitionInputs,
    store: ObjectStore,
    recipe: Recipe,
    day: date,
    fingerprint: str,
    good_days: ValidRows,
) -> Manifest:
    earlier_days = lookback_of(project, day)
    good_days.forget_before(min((*earlier_days, day)))
    raw = good_days.frame(day)
    history = history_of(project, day, {earlier: good_days.frame(earlier) for earlier in earlier_days})
    features = build(project, day, raw, history)
    table = _rows(project, raw, features)
    unlabelled = int(table[project.target.name].isna().sum())
    missing = [name for name in project.features.names if features[name].isna().all()]
    if missing:
        logger.warning("%s %s: no row has a value of %s", project.name, day, ", ".join(missing))
    data = to_parquet(table, f"{project.name}/{day}: features")
    # the content is in the name too: a forced run never overwrites bytes that a manifest still names
    name = fingerprint[:8] + hashlib.sha256(data).hexdigest()[:8]
    return Manifest(
        kind="features",
        project=project.name,
        day=day,
        fingerprint=fingerprint,
        files={ROWS: put_file(store, keys.features_rows(project.name, day, name), data, rows=len(table))},
        origin=inputs.origin,
        made_at=clock.now(),
        details={
            **vars(recipe),
            "raw": {each.isoformat(): snapshot_id(good_days.snapshot(each)) for each in (*earlier_days, day)},
            "validation": good_days.validation(day).fingerprint,
            "rows": len(table) - unlabelled,
            "unlabelled": unlabelled,
            "without_values": missing,
        },
    )


def _rows(project: Project, raw: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Return keys, target, features and protected columns of all rows; the target is missing where no label is known.

    A key or protected column that is also a feature is there once, as the feature.
    """
    beside = [name for name in (*project.keys, *project.protected) if name not in features.columns]
    columns: dict[str, pd.Series] = {name: raw[name] for name in beside if name in project.keys}
    columns[project.target.name] = label(project.target, raw[project.target.column])
    columns.update({name: features[name] for name in features.columns})
    columns.update({name: raw[name] for name in beside})
    return pd.DataFrame(columns).reset_index(drop=True)
