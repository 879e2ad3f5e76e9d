"""Hold a day's columns and target to those of the other days: a used column means the same, or the day is refused."""

from __future__ import annotations

import ast
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import pandas as pd

from include.config.project import Project
from include.config.sections import Target
from include.domain.errors import MAX_EXAMPLES, PartitionRejectedError
from include.io import keys
from include.io.manifests import Manifest
from include.io.object_store import ObjectStore
from include.io.raw_rows import code_columns, read_manifests
from include.io.tables import logical_type
from include.stages.validate.quarantine import (
    COLUMN_TYPES,
    TARGET_KNOWN,
    TARGET_NUMERIC,
    TARGET_RULE,
    TARGET_VALUES,
    Finding,
)

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


FACTS = "columns"
# so many days tell what a column is
LEAST_DAYS = 2
# code that asks for columns by what they are, and not by their names
_WITHOUT_NAMES = frozenset({"columns", "select_dtypes", "iloc", "iterrows", "itertuples", "get_dummies", "filter"})


@dataclass(frozen=True)
class Facts:
    """Hold what the columns of one day are.

    Attributes:
        types: The logical type of each used column.
        values: What the target's column holds, where the rule is `equals`; None where they are many, or personal.
        labels: How many rows have a label.
    """

    types: Mapping[str, str]
    values: tuple[Any, ...] | None
    labels: int


def facts_of(project: Project, frame: pd.DataFrame) -> dict[str, Any]:
    """Return what a manifest keeps of an assembled day, as plain JSON values."""
    column = frame[project.target.column]
    values = values_of(column)
    told = project.target.equals is not None and len(values) <= MAX_VALUES and project.target.column not in project.pii
    return {
        "types": {name: logical_type(frame[name]) for name in used_columns(project, [str(name) for name in frame])},
        "target": [value if isinstance(value, bool | int | float) else str(value) for value in values]
        if told
        else None,
        "labels": int(column.notna().sum()),
    }


def facts_in(manifest: Manifest) -> Facts | None:
    """Return the facts in a validation's manifest; None where the day could not be assembled, and in older ones."""
    kept = manifest.details.get(FACTS)
    if kept is None:
        return None
    values = None if kept["target"] is None else tuple(kept["target"])
    return Facts(kept["types"], values, int(kept["labels"]))


def used_columns(project: Project, columns: Collection[str]) -> tuple[str, ...]:
    """Return the columns that make a difference: the declared ones, and those that `features.py` names.

    Where that code asks for columns without naming them, or builds their names, all are used.
    """
    named, all_of_them = _named_in((project.folder / "features.py").read_bytes())
    if all_of_them:
        return tuple(columns)
    declared = {*project.keys, project.target.column, *project.protected, *project.features.names}
    return tuple(name for name in columns if name in declared or name in named)


@lru_cache(maxsize=64)
def _named_in(source: bytes) -> tuple[frozenset[str], bool]:
    nodes = list(ast.walk(ast.parse(source)))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    built = any(isinstance(node, ast.JoinedStr) or _asks_without_a_name(node) for node in nodes)
    return frozenset(texts | attributes), built or bool(attributes & _WITHOUT_NAMES)


def _asks_without_a_name(node: ast.AST) -> bool:
    """Tell whether code reckons across columns, or puts a column's name together in brackets."""
    if isinstance(node, ast.keyword):
        return node.arg == "axis" and isinstance(node.value, ast.Constant) and node.value.value in (1, "columns")
    if not isinstance(node, ast.Subscript):
        return False
    made = [part for part in ast.walk(node.slice) if isinstance(part, ast.BinOp | ast.Call)]
    return any(_is_text(part.left) or _is_text(part.right) for part in made if isinstance(part, ast.BinOp)) or any(
        isinstance(part.func, ast.Attribute) and _is_text(part.func.value)
        for part in made
        if isinstance(part, ast.Call)
    )


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def differences(
    project: Project, days: Mapping[date, Facts], judged: Collection[date], *, ties: bool = False
) -> dict[date, list[Finding]]:
    """Return what refuses days among `judged`, because `days` show that most others are otherwise.

    Whole numbers and numbers with decimals are one in a column of amounts, and two in a column of codes. A column
    without any value is like every other.

    Args:
        days: What is known of each day, the judged ones among them.
        judged: The days that may be refused.
        ties: Whether days of which as many are one as the other are refused, too: those of the rarer type, or of all.
    """
    found: dict[date, list[Finding]] = {day: [] for day in judged}
    codes = code_columns(project)
    for name in dict.fromkeys(name for facts in days.values() for name in facts.types):
        kinds = {day: _kind(facts.types[name], name in codes) for day, facts in days.items() if name in facts.types}
        kinds = {day: kind for day, kind in kinds.items() if kind != "empty"}
        counts = Counter(kinds.values()).most_common()
        if len(counts) < 2:
            continue
        usual = counts[0][0] if counts[0][1] > counts[1][1] else ""
        for day in judged:
            if kinds.get(day, usual) != usual and (usual or ties):
                found[day].append(Finding(check=COLUMN_TYPES, columns=(name,), note=_types_by_day(kinds), refuses=True))
    for day in judged:
        found[day] += _unknown_values(project, days, day)
    return {day: findings for day, findings in found.items() if findings}


def without_labels(project: Project, facts: Facts) -> Finding | None:
    """Return what refuses a day whose labels must be known by now, when no row has one."""
    if facts.labels:
        return None
    delay = project.window.label_delay_days
    note = (
        f"no row has a value, so no row has a label, though window.label_delay_days ({delay}) have passed: declare a "
        "longer delay, or have the source deliver it"
    )
    return Finding(check=TARGET_KNOWN, columns=(project.target.column,), note=note, refuses=True)


def refuse_window(project: Project, store: ObjectStore, days: Sequence[date]) -> None:
    """Refuse a window in which a used column is not the same on all days, whichever day was prepared first.

    Raises:
        PartitionRejectedError: With the columns, their types and the days.
    """
    found = read_manifests(store, [keys.validation_manifest(project.name, day) for day in days])
    facts = {
        manifest.day: known
        for manifest in found.values()
        if manifest is not None and manifest.day is not None and (known := facts_in(manifest)) is not None
    }
    findings = differences(project, facts, list(facts), ties=True)
    if not findings:
        return
    each = dict.fromkeys(str(finding) for day in sorted(findings) for finding in findings[day])
    raise PartitionRejectedError(
        f"{project.name}/train: window of {len(days)} days",
        "a used column does not mean the same on all days",
        got="; ".join(list(each)[:MAX_EXAMPLES]),
        allowed=("one type a column, and known values of the target",),
        hint="convert it in assemble(), or declare types: for its table; where the source was repaired, run again with "
        "--refresh-raw; or list the days in window.excluded",
    )


def _kind(kind: str, is_code: bool) -> str:
    return "number" if kind == "integer" and not is_code else kind


def _types_by_day(kinds: Mapping[date, str]) -> str:
    """Return "text on 2024-03-06; integer on 11 other days (2024-03-01 to 2024-03-12)", the rarest first."""
    by_kind: dict[str, list[date]] = {}
    for day, kind in sorted(kinds.items()):
        by_kind.setdefault(kind, []).append(day)
    return "; ".join(f"{kind} on {_days(days)}" for kind, days in sorted(by_kind.items(), key=lambda of: len(of[1])))


def _days(days: Sequence[date]) -> str:
    if len(days) <= MAX_EXAMPLES:
        return ", ".join(map(str, days))
    return f"{len(days)} days ({days[0]} to {days[-1]})"


def _unknown_values(project: Project, days: Mapping[date, Facts], day: date) -> list[Finding]:
    """Refuse a value of the target that is neither the positive one nor one that most other days know.

    Only a column of two values has no others: where most days hold three, a new one may well come. What looks like a
    known value and is not, by case or blanks, is refused in any column.
    """
    target, own = project.target, days[day].values if day in days else None
    known = {other: facts.values for other, facts in days.items() if other != day and facts.values}
    if target.equals is None or target.others is not None or not own or len(known) < LEAST_DAYS:
        return []
    seen = Counter(value for values in known.values() for value in set(values))
    usual = {value for value, count in seen.items() if 2 * count > len(known)} | {target.equals}
    unknown = [value for value in own if value not in usual]
    if len(usual) > 2:
        alike = {folded(value) for value in usual}
        unknown = [value for value in unknown if folded(value) in alike]
    if not unknown:
        return []
    note = (
        f"it holds {listed(unknown)}, on most of {len(known)} other days {listed(sorted(usual, key=repr))}: all but "
        "target.equals would count as 0; have the source write one value, or declare target.others"
    )
    return [Finding(check=TARGET_VALUES, columns=(target.column,), note=note, refuses=True)]
