"""Check that a target's rule can tell what its column holds: labels are never 0 because nothing could match."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pandas as pd

from include.config.errors import MAX_EXAMPLES
from include.config.parts import Target
from include.config.project import Project
from include.io.column_types import logical_type
from include.stages.findings import TARGET_NUMERIC, TARGET_RULE, TARGET_VALUES, Finding

# a column of more different values than these has no list of what else it may hold
MAX_VALUES = 20


def target_findings(project: Project, frame: pd.DataFrame) -> list[Finding]:
    """Return what refuses a day because its target cannot be told: the wrong type, or values that look like the answer.

    Args:
        project: Its target and what is personal.
        frame: The assembled day.
    """
    target, column = project.target, frame[project.target.column]
    kind = logical_type(column)
    if kind == "empty":
        return []
    found = values_of(column)
    shown = "" if target.column in project.pii else f": {listed(found)}"
    if target.greater_than is not None:
        if kind in ("integer", "number", "boolean"):
            return []
        note = f"a number is needed to compare with {target.greater_than:g}, the column holds {kind}{shown}"
        return [_refusal(TARGET_NUMERIC, target, note)]
    if not _can_match(target, kind, column):
        rule = f"target.equals is {target.equals!r} ({_kind_of_rule(target)})"
        return [_refusal(TARGET_RULE, target, f"{rule}, the column holds {kind}{shown}; {_hint(target)}")]
    like = [value for value in found if _looks_like(value, target.equals)]
    if like:
        named = "" if target.column in project.pii else f" {listed(like)}"
        note = f"values{named} look like target.equals {target.equals!r} and are not; have the source write one of them"
        return [_refusal(TARGET_VALUES, target, note)]
    return _undeclared(project, found)


def values_of(column: pd.Series) -> tuple[object, ...]:
    """Return the different values of a column, in order of their text; the first ones where there are very many."""
    different = column.dropna().unique()[: 10 * MAX_VALUES]
    return tuple(sorted((_python(value) for value in different), key=repr))


def folded(value: object) -> str:
    """Return what is left of a value when case, blanks and ways of writing a letter or a number are taken away."""
    text = unicodedata.normalize("NFKC", str(value)).strip().casefold()
    try:
        return f"{float(text):g}" if text not in ("nan", "inf", "infinity") else text
    except ValueError:
        return text


def listed(values: Iterable[object]) -> str:
    """Return up to five values as they are written in a declaration: text in quotes."""
    shown = [repr(value) for value in values]
    more = f" (+{len(shown) - MAX_EXAMPLES} more)" if len(shown) > MAX_EXAMPLES else ""
    return ", ".join(shown[:MAX_EXAMPLES]) + more


def _undeclared(project: Project, found: Iterable[object]) -> list[Finding]:
    target = project.target
    if target.others is None:
        return []
    unknown = [value for value in found if value != target.equals and value not in target.others]
    if not unknown:
        return []
    named = "" if target.column in project.pii else f" {listed(unknown)}"
    note = f"values{named} are neither target.equals nor among target.others: {listed(target.others)}"
    return [_refusal(TARGET_VALUES, target, note)]


def _can_match(target: Target, kind: str, column: pd.Series) -> bool:
    if isinstance(target.equals, str):
        return kind == "text"
    truth = isinstance(target.equals, bool)
    if kind == "boolean":
        return truth or target.equals in (0, 1)
    if kind in ("integer", "number"):
        # a warehouse without truth values writes 0 and 1
        return not truth or bool(column.dropna().isin([0, 1]).all())
    return False


def _looks_like(value: object, positive: object) -> bool:
    return isinstance(value, str) and value != positive and folded(value) == folded(positive)


def _kind_of_rule(target: Target) -> str:
    if isinstance(target.equals, bool):
        return "a truth value"
    return "text" if isinstance(target.equals, str) else "a number"


def _hint(target: Target) -> str:
    if isinstance(target.equals, bool):
        return (
            'YAML reads a bare Yes, No, On or Off as a truth value: write equals: "Yes" in quotes if the text is meant'
        )
    if isinstance(target.equals, str):
        unquoted = f"write equals: {target.equals} without quotes if a number or a truth value is meant"
        return f"{unquoted}, or have the source deliver text"
    return "put it in quotes in project.yaml if the text is meant, or have the source deliver numbers"


def _refusal(check: str, target: Target, note: str) -> Finding:
    return Finding(check=check, columns=(target.column,), note=note, refuses=True)


def _python(value: object) -> object:
    return value.item() if hasattr(value, "item") else value
