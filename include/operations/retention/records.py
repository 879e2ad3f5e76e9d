"""Describe what retention removes and keeps, each thing with its reason, and the totals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from include.domain.results import Receipt
from include.io.object_store import Listed

Kind = Literal["raw", "features", "superseded", "versions", "orphans"]
# a night, a backfill or a person's promotion lasts hours: what they wrote is left alone
GRACE = timedelta(hours=24)
FRESH = f"written within the last {GRACE // timedelta(hours=1)} hours"


@dataclass(frozen=True)
class Removal:
    """Be one thing that goes as a whole, and why.

    Attributes:
        name: What it is, for people; names sort by age where they have one.
        marks: Manifests: they go first, so that no reader finds half an artifact.
        files: What the marks name.
        artifacts: Files of MLflow runs; they go after the runs.
        candidate_id: Of a model; asked of the ledger once more before it goes.
        releases: Model versions whose release goes.
        versions: MLflow's model versions that go.
        runs: MLflow's runs that go.
        rows_of: The day whose feature rows the files are; asked of the ledger once more before they go.
        undated: Whether the files are raw tables that days share; the days are asked once more before they go.
    """

    kind: Kind
    name: str
    why: str
    marks: tuple[Listed, ...] = ()
    files: tuple[Listed, ...] = ()
    artifacts: tuple[Listed, ...] = ()
    candidate_id: str = ""
    releases: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    rows_of: date | None = None
    undated: bool = False

    @property
    def objects(self) -> tuple[Listed, ...]:
        """Return all objects of the store that go."""
        return (*self.marks, *self.files, *self.artifacts)

    @property
    def size(self) -> int:
        """Return their bytes."""
        return sum(one.size for one in self.objects)


class KeptArtifact(Receipt):
    """Say what stays though it is old, or has no rule, and why.

    Attributes:
        what: In words: "version 3 (linear-0f3a)", "features".
        day: Which day's, when it is of one day.
        files: Objects of the store.
        size: Their bytes.
    """

    what: str
    why: str
    files: int
    size: int
    day: date | None = None


@dataclass
class Plan:
    """Hold what goes and what stays."""

    removals: list[Removal] = field(default_factory=list)
    kept: list[KeptArtifact] = field(default_factory=list)
    _noted: set[str] = field(default_factory=set)

    def keep(self, what: str, why: str, files: Iterable[Listed], day: date | None = None) -> None:
        """Note what stays."""
        objects = list(files)
        self._noted.update(one.key for one in objects)
        size = sum(one.size for one in objects)
        self.kept.append(KeptArtifact(what=what, why=why, files=len(objects), size=size, day=day))

    def keep_rest(self, what: str, why: str, files: Iterable[Listed]) -> None:
        """Note what stays of `files`: those that neither go nor were noted before."""
        gone = {one.key for removal in self.removals for one in removal.objects}
        rest = [one for one in files if one.key not in gone and one.key not in self._noted]
        if rest:
            self.keep(what, why, rest)


def is_fresh(files: Iterable[Listed], now: datetime, touched: Iterable[datetime] = ()) -> bool:
    """Tell whether any of the files was written, or of the moments lies, within `GRACE` before `now`, or after it."""
    moments = [*(one.modified for one in files), *touched]
    return any(moment > now - GRACE for moment in moments)


def by_manifest_first(files: Iterable[Listed]) -> tuple[tuple[Listed, ...], tuple[Listed, ...]]:
    """Return manifests and other files, apart."""
    objects = list(files)
    marks = tuple(one for one in objects if one.key.endswith("/manifest.json"))
    return marks, tuple(one for one in objects if one not in marks)


KINDS: tuple[Kind, ...] = ("raw", "features", "superseded", "versions", "orphans")


class RetentionInputs(Receipt):
    """Be what retention is given.

    Attributes:
        dry_run: Say what would go, and remove nothing.
    """

    store_url: str
    tracking_url: str
    dry_run: bool = True


class Removed(Receipt):
    """Say what went, or would go, and why.

    Attributes:
        kind: raw, features, superseded, versions or orphans.
        files: Objects of the store.
        size: Their bytes.
        oldest: When the first of them was written, ISO 8601 in UTC; empty when there are none.
        newest: The last.
        versions: MLflow's model versions that go with it.
        runs: MLflow's runs that go with it.
        left: Why it stayed after all: it was needed or written anew since it was planned.
    """

    kind: Kind
    name: str
    why: str
    files: int
    size: int
    oldest: str = ""
    newest: str = ""
    versions: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    left: str = ""


class KindTotal(Receipt):
    """Count what went of one kind; `first` and `last` name its first and last thing: days, or versions."""

    kind: Kind
    count: int
    files: int
    size: int
    first: str = ""
    last: str = ""
    oldest: str = ""
    newest: str = ""


class RetentionSummary(Receipt):
    """Be small enough for XCom.

    Attributes:
        files: Objects that went, or would go.
        size: Their bytes.
        left: Things that stayed after all.
        unknown: Things that retention has no rule for.
    """

    project: str
    dry_run: bool
    files: int
    size: int
    totals: tuple[KindTotal, ...]
    left: int
    kept: int
    unknown: int


class RetentionResult(Receipt):
    """Be the whole account of one run.

    Attributes:
        removed: What went, or would go.
        kept: What stays though it is old, and why.
        unknown: Addresses and names that retention has no rule for; they are never touched.
    """

    project: str
    dry_run: bool
    removed: tuple[Removed, ...] = ()
    kept: tuple[KeptArtifact, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Return the bytes that were freed, or would be."""
        return sum(one.size for one in self.removed)

    @property
    def files(self) -> int:
        """Return how many objects went, or would go."""
        return sum(one.files for one in self.removed)

    def totals(self) -> tuple[KindTotal, ...]:
        """Return what went of each kind, in a fixed order; kinds without any are left out."""
        found = ((kind, [one for one in self.removed if one.kind == kind and not one.left]) for kind in KINDS)
        return tuple(_total(kind, things) for kind, things in found if things)

    def summary(self) -> RetentionSummary:
        """Return the numbers alone."""
        return RetentionSummary(
            project=self.project,
            dry_run=self.dry_run,
            files=self.files,
            size=self.size,
            totals=self.totals(),
            left=sum(bool(one.left) for one in self.removed),
            kept=len(self.kept),
            unknown=len(self.unknown),
        )


def describe(removal: Removal, *, left: str = "") -> Removed:
    """Return what a removal frees; nothing when it was `left`."""
    moments = sorted(one.modified for one in removal.objects)
    return Removed(
        kind=removal.kind,
        name=removal.name,
        why=removal.why,
        files=0 if left else len(removal.objects),
        size=0 if left else removal.size,
        oldest=moments[0].isoformat(timespec="seconds") if moments else "",
        newest=moments[-1].isoformat(timespec="seconds") if moments else "",
        versions=removal.versions,
        runs=removal.runs,
        left=left,
    )


def _total(kind: Kind, things: Sequence[Removed]) -> KindTotal:
    return KindTotal(
        kind=kind,
        count=len(things),
        files=sum(one.files for one in things),
        size=sum(one.size for one in things),
        first=things[0].name,
        last=things[-1].name,
        oldest=min((one.oldest for one in things if one.oldest), default=""),
        newest=max((one.newest for one in things), default=""),
    )
