"""Name each failure once, say it the same way everywhere, and report several of one kind together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, TypeVar

MAX_ALLOWED_SHOWN = 10
MAX_EXAMPLES = 5
# a day, a moment or a number: what differs between equal errors of several days
_VARYING = re.compile(r"\d[\d.,:T%+-]*\d%?|\d")


@dataclass(frozen=True)
class Problem:
    """Hold the five parts of one message; empty parts are left out when it is shown."""

    where: str
    what: str
    got: str = ""
    allowed: tuple[str, ...] = ()
    hint: str = ""

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}"]
        if self.got:
            parts.append(f"got: {self.got}")
        if self.allowed:
            parts.append(f"allowed: {shorten(self.allowed)}")
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "; ".join(parts)


def shorten(values: Iterable[str]) -> str:
    """Join sorted `values`, at most `MAX_ALLOWED_SHOWN` of them, and say how many were left out."""
    ordered = sorted(values)
    shown = ", ".join(ordered[:MAX_ALLOWED_SHOWN])
    left_out = len(ordered) - MAX_ALLOWED_SHOWN
    return f"{shown} (+{left_out} more)" if left_out > 0 else shown


def in_days(days: Iterable[date]) -> str:
    """Return days as messages name them: "2026-01-03", or "4 days (2026-01-01 to 2026-01-03, 2026-01-07)"."""
    ordered = sorted(set(days))
    ranges: list[list[date]] = []
    for day in ordered:
        if ranges and day - ranges[-1][-1] == timedelta(days=1):
            ranges[-1].append(day)
        else:
            ranges.append([day])
    names = [str(one[0]) if len(one) == 1 else f"{one[0]} to {one[-1]}" for one in ranges]
    if len(ordered) == 1:
        return names[0]
    left_out = sum(len(one) for one in ranges[MAX_EXAMPLES:])
    more = f" (+{left_out} more)" if left_out else ""
    return f"{len(ordered)} days ({', '.join(names[:MAX_EXAMPLES])}{more})"


def same_cause(text: str) -> str:
    """Return what two messages have in common that differ in days and numbers alone."""
    return _VARYING.sub("#", text)


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return "Did you mean 'x'?" for the closest allowed word, or an empty string."""
    matches = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f"Did you mean '{matches[0]}'?" if matches else ""


class NightshiftError(Exception):
    """Be the base of every failure we raise on purpose.

    Args:
        where: The place: file and key, stage and partition, or URL.
        what: What is wrong, as a sentence without a full stop.
        got: What was found.
        allowed: What would have been accepted; shown sorted, at most 10.
        hint: The likely fix.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, where: str, what: str, *, got: object = "", allowed: Sequence[str] = (), hint: str = "") -> None:
        self.problem = Problem(where, what, str(got), tuple(allowed), hint)
        super().__init__(str(self.problem))


class SettingsError(NightshiftError):
    """Say that the machine or its settings do not allow what was asked (port, disk, version, variable)."""


class DeclarationError(NightshiftError):
    """Carry every problem of every declaration that was read."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.where, first.what, got=first.got, allowed=first.allowed, hint=first.hint)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class UnknownProjectError(NightshiftError):
    """Say that no project folder has the name that was asked for."""


class AsOfError(NightshiftError):
    """Say that the day a run is about cannot be told, or may not be used."""


class WindowError(NightshiftError):
    """Say that a run's window leaves too few days to train on and to judge with."""


class StoreError(NightshiftError):
    """Say that the object store could not be reached or answered with an error."""

    retryable = True


class StoreRefusedError(StoreError):
    """Say that the object store refused for a reason that waiting does not cure: credentials, bucket, permission."""

    retryable = False


class StoreUnsafeError(NightshiftError):
    """Refuse a store that ignores conditional writes: promotions on it could be lost."""


class InvalidKeyError(NightshiftError):
    """Refuse a key that is not a plain relative path, or that the store keeps for itself."""


class ObjectMissingError(NightshiftError):
    """Say that a key holds no object."""


class PreconditionFailedError(NightshiftError):
    """Say that a create-only or compare-and-set write lost: the object exists or has changed."""


class ChecksumMismatchError(NightshiftError):
    """Say that bytes do not have the sha256 their manifest names."""


class ArtifactDamagedError(NightshiftError):
    """Say that a stored manifest, ledger entry or pointer is missing a part or is not what this version writes."""


class ConnectionMissingError(NightshiftError):
    """Say that a declared connection is configured nowhere."""


class SourceUnavailableError(NightshiftError):
    """Say that a source system does not answer; it may, later."""

    retryable = True


class SourceDataError(NightshiftError):
    """Say that a source delivered something unreadable, or nothing, for a partition."""


class SourceIncompleteError(SourceDataError):
    """Say that a file of a source ends too early: it may still be arriving, and be whole a little later."""

    retryable = True


class RawHistoryError(NightshiftError):
    """Say that the manifest of a day's raw data is gone, and that the source gives something else by now."""


class ProjectCodeError(NightshiftError):
    """Say that a project's own Python (features.py, expectations.py) failed or broke its contract."""


class PartitionRejectedError(NightshiftError):
    """Say that partitions failed validation, so that nothing downstream may see them."""


class PartitionChangedError(NightshiftError):
    """Say that another run is changing a partition that this one prepares; looking again later is safe."""

    retryable = True


class TrainingError(NightshiftError):
    """Say that a candidate could not be fitted on the data of its window."""


class TrainingImageError(NightshiftError):
    """Say that the image a project trains in is nowhere to be had, or cannot train."""


class TrainingCodeError(NightshiftError):
    """Refuse to train by other code, or another declaration, than those of the worker that asked."""


class TrainingMemoryError(NightshiftError):
    """Say that a training needed more memory than its container may use."""


class TrainingContainerError(NightshiftError):
    """Say that the container of a training could not be started or ended without an answer; it may work, later."""

    retryable = True


class EvaluationError(NightshiftError):
    """Say that a model could not be judged: one class only, scores that are no numbers, columns it lacks."""


class ProcessEndedError(NightshiftError):
    """Say that a process of a stage was told to end: nothing of what it was asked is known, so it is asked again."""

    retryable = True


class ModelUntrustedError(NightshiftError):
    """Refuse model bytes that hold types outside the allow-list."""


class TrackingError(NightshiftError):
    """Say that MLflow did not answer or refused."""

    retryable = True


class CandidateRejectedError(NightshiftError):
    """Say that a gate failed: the verdict is REJECT, and nothing is promoted."""


class LedgerConflictError(NightshiftError):
    """Say that another run wrote the ledger or the champion first; reading again and retrying is safe."""

    retryable = True


class UnknownChampionError(NightshiftError):
    """Say that a release pointer or MLflow's alias names a champion that the ledger never put in force."""


class ActRefusedError(NightshiftError):
    """Refuse what a person asked for, because of what is in force: a pin, another champion, nothing to go back to."""


class BackupError(NightshiftError):
    """Say that a backup file is damaged or cannot be written, or that what it holds does not fit here."""


class PullRequestError(NightshiftError):
    """Say that GitHub refuses a comment, or does not answer."""


class StackError(NightshiftError):
    """Say that a program of the local stack did not start, or died."""


class AirflowApiError(NightshiftError):
    """Say that Airflow's REST API refused or does not answer; `status` is its HTTP status, 0 without an answer."""

    def __init__(self, where: str, what: str, *, status: int, got: object = "", hint: str = "") -> None:
        super().__init__(where, what, got=got, hint=hint)
        self.status = status


# what Python raises for a mistake in code; ValueError and LookupError hold their families
BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    SyntaxError,
    TypeError,
    ValueError,
)
AnyError = TypeVar("AnyError", bound=NightshiftError)


def aggregated(
    kind: type[AnyError],
    where: str,
    what: str,
    refused: Sequence[tuple[date, str]],
    *,
    total: int,
    allowed: Sequence[str] = (),
    causes: Sequence[str] = (),
    hint: str = "",
) -> AnyError:
    """Return one error of class `kind` for all refused days, with the texts of at most `MAX_EXAMPLES` causes.

    Days of one cause are one text, that of the first of them: "[31 days (2026-01-01 to 2026-01-31)] no file".

    Args:
        kind: The error's class.
        where: Project and stage.
        what: What is wrong with the days, after "3 of 40 days".
        refused: Day and text, in order.
        total: How many days were looked at.
        allowed: What would have been accepted.
        causes: Of each refused day, what its text comes from; without them, texts that differ in days and numbers
            alone have one cause.
        hint: The likely fix.
    """
    groups: dict[str, list[tuple[date, str]]] = {}
    for (day, text), cause in zip(refused, causes or [same_cause(text) for _, text in refused], strict=True):
        groups.setdefault(cause, []).append((day, text))
    told = list(groups.values())
    shown = "; ".join(f"[{in_days(day for day, _ in group)}] {_text(group)}" for group in told[:MAX_EXAMPLES])
    left_out = sum(len(group) for group in told[MAX_EXAMPLES:])
    return kind(
        where,
        f"{len(refused)} of {total} days {what}",
        got=f"{shown} (+{left_out} more days)" if left_out > 0 else shown,
        allowed=allowed,
        hint=hint,
    )


def _text(group: Sequence[tuple[date, str]]) -> str:
    (day, first), texts = group[0], {text for _, text in group}
    return first if len(texts) == 1 or str(day) in first else f"on {day}: {first}"
