"""Judge one assembled day: which rows are set aside and why, and whether the whole day is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from include.config.project import Project
from include.domain.errors import MAX_EXAMPLES
from include.domain.results import Receipt

if TYPE_CHECKING:
    from include.io.expectations import Check

KEYS_UNIQUE = "keys_are_unique"
KEYS_PRESENT = "keys_are_present"
OF_THE_DAY = "rows_are_of_the_day"
MIN_ROWS = "quality.min_rows"
ASSEMBLE = "assemble"
TARGET_NUMERIC = "target_is_numeric"
TARGET_RULE = "target_rule_fits_its_column"
TARGET_VALUES = "target_values_are_known"
TARGET_KNOWN = "target_is_known"
COLUMN_TYPES = "columns_are_as_on_other_days"
MAX_REJECTED = "quality.max_rejected_fraction"
MAX_FINDINGS_SHOWN = 5
NOT_EVALUATED = "cannot be evaluated: "
# where to look when every day breaks one of our own checks
EVERY_DAY = {
    KEYS_PRESENT: "look at keys in project.yaml",
    TARGET_NUMERIC: "look at target in project.yaml",
    TARGET_RULE: "look at target in project.yaml",
    TARGET_VALUES: "look at target in project.yaml",
    TARGET_KNOWN: "look at target and window.label_delay_days in project.yaml",
    OF_THE_DAY: "look at source.date_column in project.yaml, and at the {date} of its source",
    ASSEMBLE: "look at the columns that project.yaml names, and at assemble() in features.py",
    MIN_ROWS: "look at quality.min_rows in project.yaml, and at what its source selects",
}


class Finding(Receipt):
    """Say what one check found wrong with a day.

    Attributes:
        check: The expectation, or the engine's own check.
        columns: The columns it looks at.
        count: Rows that break it; 0 when it does not speak of single rows.
        examples: Up to five values as text; none for personal data.
        note: What happened, when count and examples do not say it.
        refuses: Whether it refuses the whole day by itself.
    """

    check: str
    columns: tuple[str, ...] = ()
    count: int = 0
    examples: tuple[str, ...] = ()
    note: str = ""
    refuses: bool = False

    @property
    def label(self) -> str:
        """Return the check with its columns: "expect_column_values_to_be_between(distance)"."""
        return f"{self.check}({', '.join(self.columns)})" if self.columns else self.check

    def __str__(self) -> str:
        said = [f"{self.count} rows"] if self.count else []
        if self.note:
            said.append(self.note)
        if self.examples:
            said.append(f"{'for example' if self.count else 'found'} {', '.join(self.examples)}")
        return f"{self.label}: {', '.join(said)}" if said else self.label


@dataclass(frozen=True)
class Judgement:
    """Hold the verdict on one day.

    Attributes:
        rows: Rows of the day.
        reasons: For each row set aside (by position), the checks it breaks.
        findings: All that was found, what refuses the day first.
        refused: Whether nothing downstream may see the day.
    """

    rows: int
    reasons: dict[int, list[str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Tell whether nothing downstream may see the day."""
        return any(finding.refuses for finding in self.findings)

    def with_more(self, findings: Sequence[Finding]) -> Judgement:
        """Return the verdict with what else was found."""
        return replace(self, findings=sorted_findings([*self.findings, *findings]))


def sorted_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings, what refuses the day first."""
    return tuple(sorted(findings, key=lambda finding: (not finding.refuses, -finding.count)))


def judge(project: Project, frame: pd.DataFrame, checks: Sequence[Check]) -> Judgement:
    """Return the verdict on an assembled day.

    A row that breaks a row-level expectation, or whose keys are missing or used twice, is set aside. The day is
    refused when a table-level expectation fails, when an expectation can't be evaluated, when more than
    `quality.max_rejected_fraction` of the rows are set aside, or when fewer than `quality.min_rows` are left.

    Args:
        project: Its keys, target, quality and pii columns.
        frame: The day, with the index 0, 1, 2, ...
        checks: What the suite found in `frame`.
    """
    failed = [*_key_checks(project, frame), *(check for check in checks if not check.success)]
    reasons: dict[int, list[str]] = {}
    for check in failed:
        for row in check.rows or ():
            reasons.setdefault(row, []).append(check.label)
    findings = [_finding(check) for check in failed]
    findings += _quality_findings(project, len(frame), len(reasons))
    return Judgement(len(frame), dict(sorted(reasons.items()))).with_more(findings)


def check_dates(project: Project, day: date, frame: pd.DataFrame) -> list[Check]:
    """Find the rows of another day than `day`, or of none, by the declared `source.date_column`.

    A moment with a time zone is of the day it is in UTC; whole numbers are read as YYYYMMDD.

    Args:
        project: Declares the column; without it nothing is found.
        day: The partition.
        frame: Its assembled rows, with the index 0, 1, 2, ...
    """
    # heavy, and training imports this module, too
    from include.io.expectations import Check

    name = project.source.date_column
    if name is None:
        return []
    column = frame[name]
    text = column.astype("str") if pd.api.types.is_integer_dtype(column) else column
    compact = pd.api.types.is_integer_dtype(column)
    moments = pd.to_datetime(text, errors="coerce", utc=True, format="%Y%m%d" if compact else "ISO8601")
    other = (moments.dt.date != day).to_numpy()
    rows = tuple(int(row) for row in frame.index[other])
    if not rows:
        return []
    examples = () if name in project.pii else _texts(frame.loc[other, [name]])
    return [Check(OF_THE_DAY, (name,), success=False, count=len(rows), rows=rows, examples=examples)]


def _finding(check: Check) -> Finding:
    return Finding(
        check=check.name,
        columns=check.columns,
        count=check.count,
        examples=check.examples,
        note=f"{NOT_EVALUATED}{check.exception}" if check.exception else "",
        refuses=bool(check.exception) or check.rows is None,
    )


def _key_checks(project: Project, frame: pd.DataFrame) -> list[Check]:
    """Set aside rows without a key, exact copies but the first, and all rows that claim one key but differ."""
    # heavy, and training imports this module, too
    from include.io.expectations import Check

    keys = frame[list(project.keys)]
    absent = keys.isna().any(axis=1)
    # numbers for values: what a value looks like as text does not tell two apart
    rest = pd.DataFrame({name: _codes(column) for name, column in frame.loc[~absent].items()})
    copies = rest.duplicated(keep="first")
    rivals = rest.loc[~copies].duplicated(subset=list(project.keys), keep=False)
    double = (copies | rivals.reindex(copies.index, fill_value=False)).reindex(frame.index, fill_value=False)
    found = []
    for name, marked in ((KEYS_PRESENT, absent), (KEYS_UNIQUE, double)):
        rows = tuple(int(row) for row in frame.index[marked])
        if rows:
            hidden = set(project.keys) & set(project.pii)
            shown = () if hidden else _texts(keys.loc[marked])
            found.append(Check(name, project.keys, success=False, count=len(rows), rows=rows, examples=shown))
    return found


def _codes(column: pd.Series) -> pd.Series:
    """Return a number for each different value, whatever it is; -1 where it is missing."""
    values = column
    if column.dtype == object:
        # features.py may have made lists or mappings, which cannot be compared in a table
        values = column.map(repr, na_action="ignore")
    return pd.Series(pd.factorize(values)[0], index=column.index)


def _texts(keys: pd.DataFrame) -> tuple[str, ...]:
    lines = ["/".join(map(str, row)) for row in keys.drop_duplicates().head(MAX_EXAMPLES).itertuples(index=False)]
    return tuple(line[:80] for line in lines)


def _quality_findings(project: Project, rows: int, set_aside: int) -> list[Finding]:
    quality = project.quality
    found = []
    if set_aside > quality.max_rejected_fraction * rows:
        allowed = f"{quality.max_rejected_fraction:.1%}"
        note = f"{set_aside} of {rows} rows set aside ({set_aside / rows:.1%}), allowed {allowed}"
        found.append(Finding(check=MAX_REJECTED, note=note, refuses=True))
    if rows - set_aside < quality.min_rows:
        note = f"{rows - set_aside} good rows, at least {quality.min_rows} needed"
        found.append(Finding(check=MIN_ROWS, note=note, refuses=True))
    return found


def likely_fix(project: Project, refused: Sequence[tuple[int, Sequence[Finding]]], looked_at: int) -> str:
    """Return what to do about refused days, naming the likely side: the declaration, the project's code or the source.

    What every day of several breaks in the same way is rather declared wrongly than delivered wrongly each time.

    Args:
        project: Its keys.
        refused: Rows and findings of each refused day.
        looked_at: How many days were looked at, good ones included.
    """
    always = len(refused) == looked_at > 1
    shared = set.intersection(*({finding.check for finding in found} for _, found in refused)) if always else set()
    return "; ".join(dict.fromkeys(_fix(project, rows, found, shared) for rows, found in refused))


def _fix(project: Project, rows: int, found: Sequence[Finding], shared: set[str]) -> str:
    """Return the fix of one day; `shared` are the checks that every day breaks."""
    always = [finding for finding in found if finding.check in shared]
    unclear = sorted(finding.label for finding in always if finding.note.startswith(NOT_EVALUATED))
    # a column that is otherwise than on other days was delivered wrongly, whatever cannot be evaluated for it
    if unclear and not any(finding.check == COLUMN_TYPES for finding in found):
        return f"look at {', '.join(unclear)} in expectations.py: is the column there, and of this type?"
    doubled = sum(finding.count for finding in found if finding.check == KEYS_UNIQUE)
    if doubled and (2 * doubled > rows or KEYS_UNIQUE in shared):
        keys = ", ".join(project.keys)
        return f"look at keys: [{keys}] in project.yaml: together they must tell each row of a day from all others"
    expected = shared - EVERY_DAY.keys() - {MAX_REJECTED}
    looks = ["look at expectations.py, or ask what has changed at the source"] if expected else []
    looks += dict.fromkeys(words for check, words in EVERY_DAY.items() if check in shared)
    if looks:
        return f"every day is like this: {'; '.join(looks)}"
    again = "have the source deliver the day again and run again, or list it in window.excluded"
    if any(finding.check == COLUMN_TYPES for finding in found):
        return f"{again}; where the day is right, declare types: for the column's table, or convert it in assemble()"
    return again
