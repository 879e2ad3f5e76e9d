"""Describe what retention removes, what it keeps, and the rule that what is fresh is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from include.config.results import Receipt
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

    @property
    def objects(self) -> tuple[Listed, ...]:
        """Return all objects of the store that go."""
        return (*self.marks, *self.files, *self.artifacts)

    @property
    def size(self) -> int:
        """Return their bytes."""
        return sum(one.size for one in self.objects)


class Kept(Receipt):
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
    kept: list[Kept] = field(default_factory=list)
    _noted: set[str] = field(default_factory=set)

    def keep(self, what: str, why: str, files: Iterable[Listed], day: date | None = None) -> None:
        """Note what stays."""
        objects = list(files)
        self._noted.update(one.key for one in objects)
        size = sum(one.size for one in objects)
        self.kept.append(Kept(what=what, why=why, files=len(objects), size=size, day=day))

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
