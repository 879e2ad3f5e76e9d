"""Say what may never go: the champion, what a rollback can reach, a pin, the newest judged, and the rows of these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from include.config.decision import DayRows, Decision, LedgerEntry
from include.config.parts import Keep
from include.config.results import Span
from include.io import keys
from include.io.decisions import read_decision
from include.io.ledger import Ledger
from include.io.manifests import get_file, parse_receipt, read_manifest
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST
from include.io.standing import champions, in_force_after
from include.stages.candidates import TRAINING, TrainingRecord


@dataclass(frozen=True)
class Protection:
    """Hold what may not go, each with the reason.

    Attributes:
        candidates: Candidate ids.
        versions: Their model versions.
        runs: Their MLflow runs.
        rows: Keys of feature rows.
        spans: Days whose feature rows stay altogether: the lineage of old models names days, not rows.
    """

    candidates: Mapping[str, str]
    versions: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    rows: Mapping[str, str] = field(default_factory=dict)
    spans: tuple[tuple[Span, str], ...] = ()

    def why_rows(self, day: date, key: str) -> str:
        """Return why these rows of `day` may not go; empty when they may."""
        found = self.rows.get(key, "")
        return found or next((why for span, why in self.spans if span.first <= day <= span.last), "")


class Guard:
    """Tell what is protected by the ledger as it is now; asked anew before each removal.

    Decisions and training records never change, so each is read once.
    """

    def __init__(self, store: ObjectStore, project: str, keep: Keep) -> None:
        self._store = store
        self._project = project
        self._keep = keep
        self._ledger = Ledger(store, project)
        self._decisions: dict[str, Decision] = {}
        self._rows: dict[str, tuple[tuple[DayRows, ...], Span | None]] = {}
        self._known: tuple[int, Protection] | None = None

    def entries(self) -> list[LedgerEntry]:
        """Return the ledger's entries, oldest first."""
        return self._ledger.entries()

    def protection(self) -> Protection:
        """Return what is protected now.

        Raises:
            ObjectMissingError, ArtifactDamagedError, ChecksumMismatchError: The evidence of a protected version is
                damaged, so that nobody knows what else belongs to it.
        """
        entries = self.entries()
        if self._known is None or self._known[0] != len(entries):
            self._known = len(entries), self._protect(entries)
        return self._known[1]

    def _protect(self, entries: Sequence[LedgerEntry]) -> Protection:
        candidates = kept_by_ledger(entries, self._keep)
        mine = [entry for entry in entries if entry.candidate_id in candidates]
        decisions = [self._decision(name) for name in dict.fromkeys(entry.decision_id for entry in mine) if name]
        for decision in decisions:
            for other in decision.others:
                why = (
                    f"lost against {_named(decision.challenger.version, decision.challenger.candidate_id)}, which stays"
                )
                candidates.setdefault(other.candidate_id, why)
        runs = {entry.tracking_run_id for entry in mine}
        for decision in decisions:
            runs.update(model.tracking_run_id for model in (decision.challenger, *decision.others))
        rows: dict[str, str] = {}
        spans: list[tuple[Span, str]] = []
        for data, span, why in (*self._judged_on(decisions), *self._trained_on(candidates, mine)):
            for each in data:
                rows.setdefault(each.key, why)
            if not data and span is not None:
                spans.append((span, why))
        versions = frozenset(entry.version for entry in mine if entry.version)
        return Protection(candidates, versions, frozenset(run for run in runs if run), rows, tuple(spans))

    def _judged_on(self, decisions: Iterable[Decision]) -> Iterator[tuple[tuple[DayRows, ...], Span, str]]:
        for decision in decisions:
            name = _named(decision.challenger.version, decision.challenger.candidate_id)
            yield decision.holdout_data, decision.holdout, f"{name} was judged on them"

    def _trained_on(
        self, candidates: Iterable[str], entries: Iterable[LedgerEntry]
    ) -> Iterator[tuple[tuple[DayRows, ...], Span | None, str]]:
        version_of = {entry.candidate_id: entry.version for entry in entries}
        for candidate in candidates:
            version = version_of.get(candidate, "")
            data, span = self._record(candidate, version)
            yield data, span, f"{_named(version, candidate)} was trained on them"

    def _decision(self, decision_id: str) -> Decision:
        if decision_id not in self._decisions:
            self._decisions[decision_id] = read_decision(self._store, self._project, decision_id)
        return self._decisions[decision_id]

    def _record(self, candidate: str, version: str) -> tuple[tuple[DayRows, ...], Span | None]:
        """Return the rows a model was trained on and their days, from its own record or its release's."""
        if candidate not in self._rows:
            places = [keys.model_manifest(self._project, candidate)]
            if version:
                places.append(keys.release_file(self._project, version, MANIFEST))
            found: tuple[tuple[DayRows, ...], Span | None] = ((), None)
            for place in places:
                manifest = read_manifest(self._store, place)
                if manifest is not None:
                    record = parse_receipt(
                        get_file(self._store, manifest.files[TRAINING]), self._store.uri(place), TrainingRecord
                    )
                    found = record.data, record.train
                    break
            self._rows[candidate] = found
        return self._rows[candidate]


def kept_by_ledger(entries: Sequence[LedgerEntry], keep: Keep) -> dict[str, str]:
    """Return the candidate ids that the ledger needs, each with the reason.

    These are the champion in force and those a rollback can go back to (`keep.versions` in all), what is pinned, and
    the `keep.versions` judged last.
    """
    found: dict[str, str] = {}
    for back, entry in enumerate(champions(entries)):
        if back >= keep.versions:
            break
        found.setdefault(entry.candidate_id, "champion in force" if back == 0 else "champion a rollback can go back to")
    pin = in_force_after(entries).pin
    if pin is not None:
        found.setdefault(pin.candidate_id, "pinned")
    judged = dict.fromkeys(entry.candidate_id for entry in reversed(entries) if entry.kind == "decision")
    for candidate in list(judged)[: keep.versions]:
        found.setdefault(candidate, f"one of the {keep.versions} judged last")
    return found


def _named(version: str, candidate: str) -> str:
    return f"version {version}" if version else candidate
