"""Say what retention removed, or would remove: totals by kind, each thing with its reason, and what stays."""

from __future__ import annotations

from collections.abc import Sequence

from include.config.results import Receipt
from include.operations.retention.removal import Kept, Kind, Removal

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
    kept: tuple[Kept, ...] = ()
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
