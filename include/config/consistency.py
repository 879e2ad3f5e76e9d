"""Check what one key says against another: each check names the top-level keys it needs as its parameters."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from string import Formatter
from typing import Any

from include.config.estimators import ParamValue, estimators
from include.config.gate_consistency import (
    behaviour_is_written_down,
    fairness_gates_find_groups,
    gates_can_pass,
    gates_fit_their_metrics,
    gates_named_once,
    group_gates_share_no_column,
    protected_tells_groups,
    slice_gates_find_groups,
    slices_are_features,
    small_holdouts_say_why,
    switched_off_gates_are_in_force,
    trivial_answers_can_be_beaten,
)
from include.config.gates import Gate, ValueGate
from include.config.schedule import ALLOWED, schedule_fault
from include.config.sections import (
    PREDICTION_COLUMNS,
    Candidate,
    CrossValidation,
    Features,
    Keep,
    Metrics,
    Scoring,
    Target,
    Threshold,
    Value,
    Window,
)
from include.config.source import Source
from include.domain.base_model import KeyPath, ValidationIssue
from include.domain.errors import did_you_mean

_KEEP_HINT = "every night would prepare again what retention removed"


def raw_outlasts_the_window(keep: Keep, window: Window) -> Iterator[ValidationIssue]:
    """Refuse to keep fewer days of raw data than a night's window and the days it looks back to reach back."""
    least = window.days + window.lookback_days + window.label_delay_days
    if keep.raw_days < least:
        what = "a night reads raw data of window.days, window.lookback_days and window.label_delay_days before its day"
        yield ValidationIssue(
            ("keep", "raw_days"), what, str(keep.raw_days), allowed=(f"at least {least}",), hint=_KEEP_HINT
        )


def features_outlast_the_window(keep: Keep, window: Window) -> Iterator[ValidationIssue]:
    """Refuse to keep fewer days of features than a night's window reaches back."""
    least = window.days + window.label_delay_days
    if keep.features_days < least:
        what = "a night reads features of window.days and window.label_delay_days before its day"
        yield ValidationIssue(
            ("keep", "features_days"), what, str(keep.features_days), allowed=(f"at least {least}",), hint=_KEEP_HINT
        )


PLACEHOLDERS = ("date", "previous_date")
_ALLOWED = tuple(f"{{{name}}}" for name in PLACEHOLDERS)


def paths_are_plain(source: Source) -> Iterator[ValidationIssue]:
    """Refuse paths with unknown placeholders, paths that leave the landing zone, and a path used twice."""
    if source.kind != "files":
        return
    first: dict[str, str] = {}
    for name, table in source.tables.items():
        place = ("source", "tables", name, "path")
        yield from (ValidationIssue(place, fault, allowed=_ALLOWED) for fault in _placeholder_faults(table.path))
        if {"", ".", ".."} & set(table.path.split("/")):
            yield ValidationIssue(
                place, "the path may not hold '..', '.' or an empty part", hint="paths are below the store"
            )
        earlier = first.setdefault(table.path, name)
        if earlier != name:
            yield ValidationIssue(place, f"table '{earlier}' has the same path")


def a_required_table_is_of_the_day(source: Source) -> Iterator[ValidationIssue]:
    """Refuse files of which none belongs to the partition's day and must be there."""
    if source.kind != "files":
        return
    if not any(table.required and "{date}" in table.path for table in source.tables.values()):
        what = "no required table has {date} in its path, so no day would have data of its own"
        got = ", ".join(source.tables)
        yield ValidationIssue(
            ("source", "tables"), what, got=got, hint="put {date} in the path of the table that holds the examples"
        )


def _placeholder_faults(path: str) -> Iterator[str]:
    try:
        parsed = list(Formatter().parse(path))
    except ValueError:
        yield "the braces of the path do not match"
        return
    for _, name, form, conversion in parsed:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            yield "unknown placeholder in the path"


_WHAT = "nothing says what an answer is worth"
_VALUE_HINT = (
    "declare value: {currency: EUR, true_positive: ..., false_positive: ..., false_negative: ..., true_negative: ...}"
)


def value_gates_can_count(gates: tuple[Gate, ...], value: Value | None) -> Iterator[ValidationIssue]:
    """Refuse a value gate in a project that does not say what outcomes are worth."""
    for index, gate in enumerate(gates):
        if isinstance(gate, ValueGate) and value is None:
            yield ValidationIssue(("gates", index), _WHAT, got="gate 'value' without value", hint=_VALUE_HINT)


def thresholds_can_be_chosen(threshold: Threshold, value: Value | None) -> Iterator[ValidationIssue]:
    """Refuse the objective `value` in a project that does not say what outcomes are worth."""
    if threshold.objective == "value" and value is None:
        yield ValidationIssue(("threshold", "objective"), _WHAT, hint=_VALUE_HINT)


Check = Callable[..., Iterator[ValidationIssue]]


def findings_of(parts: Mapping[str, Any]) -> list[ValidationIssue]:
    """Run every check whose keys are all in `parts` (valid values by key) and return what they found."""
    return [
        finding
        for check in CHECKS
        if (needed := _needed(check)) <= parts.keys()
        for finding in check(**{key: parts[key] for key in needed})
    ]


@cache
def _needed(check: Check) -> frozenset[str]:
    """Return the keys that a check needs."""
    return frozenset(inspect.signature(check).parameters)


def _repeated(names: Sequence[object], path: KeyPath, what: str) -> Iterator[ValidationIssue]:
    counts = Counter(names)
    seen: set[object] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield ValidationIssue((*path, index), what, hint=f"named {counts[name]} times; keep one")
        seen.add(name)


def columns_named_once(
    keys: tuple[str, ...],
    unknown_at_prediction: tuple[str, ...],
    protected: tuple[str, ...],
    slices: tuple[str, ...],
    pii: tuple[str, ...],
) -> Iterator[ValidationIssue]:
    """Refuse a column named twice in one list."""
    lists = {
        "keys": keys,
        "unknown_at_prediction": unknown_at_prediction,
        "protected": protected,
        "slices": slices,
        "pii": pii,
    }
    for key, names in lists.items():
        yield from _repeated(names, (key,), "the column is named twice")


def features_hold_no_answer(features: Features, target: Target) -> Iterator[ValidationIssue]:
    """Refuse the target as a feature."""
    refused = {
        target.name: "the target may not be a feature",
        target.column: "the target's column may not be a feature",
    }
    yield from _features_among(features, refused, "that is a leak: remove it")


def features_are_known_in_time(features: Features, unknown_at_prediction: tuple[str, ...]) -> Iterator[ValidationIssue]:
    """Refuse as features what is known only afterwards."""
    refused = dict.fromkeys(unknown_at_prediction, "not known when the prediction is made, so no feature")
    yield from _features_among(features, refused, "that is a leak: remove it from features")


def features_name_nobody(features: Features, pii: tuple[str, ...], keys: tuple[str, ...]) -> Iterator[ValidationIssue]:
    """Refuse as features what names a person or a row."""
    yield from _features_among(
        features, dict.fromkeys(pii, "personal data (pii) may not be a feature"), "derive something that names nobody"
    )
    yield from _features_among(
        features,
        dict.fromkeys(keys, "a key may not be a feature"),
        "a model would learn rows by heart; copy it to a column of another name if its value means something",
    )


def _features_among(features: Features, refused: Mapping[str, str], hint: str) -> Iterator[ValidationIssue]:
    for kind, names in (("numeric", features.numeric), ("categorical", features.categorical)):
        for index, name in enumerate(names):
            if name in refused:
                yield ValidationIssue(("features", kind, index), refused[name], hint=hint)


def displayed_are_numbers(display: dict[str, str], features: Features) -> Iterator[ValidationIssue]:
    """Refuse a way to write what is no numeric feature: a typing mistake would change nothing on any page."""
    for name in display:
        if name not in features.numeric:
            hint = did_you_mean(name, features.numeric) or "only features of numbers are written in another way"
            yield ValidationIssue(
                ("display", name), "no numeric feature is called so", name, allowed=features.numeric, hint=hint
            )


def target_is_no_key(target: Target, keys: tuple[str, ...]) -> Iterator[ValidationIssue]:
    """Refuse a key that is the answer."""
    for index, key in enumerate(keys):
        if key in (target.name, target.column):
            yield ValidationIssue(("keys", index), "the target may not be a key", hint="name what identifies a row")


def protected_is_no_pii(protected: tuple[str, ...], pii: tuple[str, ...]) -> Iterator[ValidationIssue]:
    """Refuse a protected column that is dropped as personal data: nothing could be compared by it."""
    for index, name in enumerate(protected):
        if name in pii:
            what = "a protected column may not be pii: pii is dropped, and groups could not be compared"
            yield ValidationIssue(("protected", index), what, hint="keep it in one of the two")


def schedule_fires(schedule: str) -> Iterator[ValidationIssue]:
    """Refuse a schedule that is no cron expression, never fires, or fires more than once a day."""
    yield from _fires(schedule, ("schedule",))


def scoring_fires(scoring: Scoring | None) -> Iterator[ValidationIssue]:
    """Refuse a schedule of scoring that `schedule` would be refused for, too."""
    if scoring is not None:
        yield from _fires(scoring.schedule, ("scoring", "schedule"))


def _fires(schedule: str, path: KeyPath) -> Iterator[ValidationIssue]:
    fault = schedule_fault(schedule)
    if fault:
        hint = did_you_mean(schedule, ALLOWED[:-1]) if schedule.startswith("@") else ""
        yield ValidationIssue(path, fault, allowed=ALLOWED, hint=hint)


def predictions_have_room(scoring: Scoring | None, keys: tuple[str, ...]) -> Iterator[ValidationIssue]:
    """Refuse keys that are called like the columns that scoring writes beside them."""
    for index, name in enumerate(keys if scoring is not None else ()):
        if name in PREDICTION_COLUMNS:
            what = "scoring writes a column of that name beside the keys"
            yield ValidationIssue(("keys", index), what, hint="give it another name in source.query or assemble()")


def window_can_be_split(window: Window, cross_validation: CrossValidation) -> Iterator[ValidationIssue]:
    """Refuse more folds in time than the train part has days for."""
    train_days = window.days - window.holdout_days
    if cross_validation.order == "time" and cross_validation.folds + 1 > train_days:
        what = f"too many folds in time for {train_days} train days (window.days less window.holdout_days)"
        yield ValidationIssue(("cross_validation", "folds"), what, allowed=(f"at most {train_days - 1}",))


def excluded_named_once(window: Window) -> Iterator[ValidationIssue]:
    """Refuse a day excluded twice."""
    yield from _repeated(window.excluded, ("window", "excluded"), "the day is excluded twice")


def metrics_named_once(metrics: Metrics) -> Iterator[ValidationIssue]:
    """Refuse the primary metric among the others, and a metric named twice."""
    for index, name in enumerate(metrics.also):
        if name == metrics.primary:
            hint = "it is reported anyway: remove it here"
            yield ValidationIssue(("metrics", "also", index), "the primary metric is repeated", hint=hint)
    yield from _repeated(metrics.also, ("metrics", "also"), "the metric is named twice")


def candidates_named_once(candidates: tuple[Candidate, ...]) -> Iterator[ValidationIssue]:
    """Refuse two candidates of one name."""
    first: dict[str, int] = {}
    for index, candidate in enumerate(candidates):
        if first.setdefault(candidate.name, index) != index:
            hint = f"candidates[{first[candidate.name]}] has that name: choose another"
            yield ValidationIssue(("candidates", index, "name"), "another candidate has this name", hint=hint)


def candidates_take_their_params(candidates: tuple[Candidate, ...]) -> Iterator[ValidationIssue]:
    """Refuse parameters an estimator does not take, and values out of their range."""
    for index, candidate in enumerate(candidates):
        place: KeyPath = ("candidates", index)
        for name, value in candidate.params.items():
            yield from _param(candidate.estimator, name, [value], (*place, "params", name), single=True)
        space = candidate.search.space if candidate.search else {}
        for name, values in space.items():
            path = (*place, "search", "space", name)
            yield from _param(candidate.estimator, name, values, path, single=False)
            if name in candidate.params:
                hint = "keep it in one of the two"
                yield ValidationIssue(path, "both fixed in params and searched", hint=hint)


def _param(
    estimator: str, name: str, values: Sequence[ParamValue], path: KeyPath, *, single: bool
) -> Iterator[ValidationIssue]:
    known = estimators()[estimator].params
    if name not in known:
        what = f"{estimator} has no such parameter"
        yield ValidationIssue(path, what, got=name, allowed=tuple(known), hint=did_you_mean(name, known))
        return
    if not values:
        yield ValidationIssue(path, "at least one value to try is needed")
    for index, value in enumerate(values):
        if not known[name].accepts(value):
            allowed = tuple("null" if choice is None else choice for choice in known[name].choices)
            yield ValidationIssue(path if single else (*path, index), f"must be {known[name].words}", allowed=allowed)
    if not single:
        yield from _repeated([(type(value), value) for value in values], path, "the value is listed twice")


CHECKS: tuple[Check, ...] = (
    schedule_fires,
    scoring_fires,
    predictions_have_room,
    a_required_table_is_of_the_day,
    paths_are_plain,
    columns_named_once,
    target_is_no_key,
    excluded_named_once,
    features_hold_no_answer,
    features_are_known_in_time,
    features_name_nobody,
    displayed_are_numbers,
    protected_is_no_pii,
    protected_tells_groups,
    slices_are_features,
    candidates_named_once,
    candidates_take_their_params,
    window_can_be_split,
    raw_outlasts_the_window,
    features_outlast_the_window,
    metrics_named_once,
    gates_named_once,
    gates_fit_their_metrics,
    gates_can_pass,
    trivial_answers_can_be_beaten,
    small_holdouts_say_why,
    switched_off_gates_are_in_force,
    value_gates_can_count,
    thresholds_can_be_chosen,
    slice_gates_find_groups,
    fairness_gates_find_groups,
    group_gates_share_no_column,
    behaviour_is_written_down,
)
