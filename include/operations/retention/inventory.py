"""Sort everything under a project's prefix by what it belongs to, and say what may never go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from include.config.sections import Keep
from include.domain.champion import champion_after, champions
from include.domain.decision import DayRows, Decision, LedgerEntry
from include.domain.results import Span
from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.manifests import get_file, parse_receipt, read_manifest
from include.io.models import TRAINING, TrainingRecord
from include.io.object_store import Listed, ObjectStore
from include.io.releases import MANIFEST as RELEASE_MANIFEST

MANIFEST = "manifest.json"
_DATE = r"date=(?P<day>\d{4}-\d{2}-\d{2})"
_SNAPSHOT = r"snapshot=(?P<snapshot>[^/]+)"
_PAGES = r"validation/data_docs/validations/[^/]+"
# what is never removed: history, what is in force, and pages of bounded size
_HISTORY = (
    r"ledger/\d{8}\.json",
    r"decisions/.+",
    r"releases/champion\.json",
    rf"predictions/{_DATE}/.+",
    r"history/.+",
    r"validation/data_docs/(index\.html|expectations/.+)",
)


@dataclass
class RawDay:
    """Hold everything of one day before its features.

    Attributes:
        manifest: Puts a snapshot in force.
        validation: Says what the checks said.
        snapshots: Files of each snapshot, its own manifest among them.
        checks: Results, rows set aside and pages of the checks of each snapshot.
    """

    manifest: Listed | None = None
    validation: Listed | None = None
    snapshots: dict[str, list[Listed]] = field(default_factory=dict)
    checks: dict[str, list[Listed]] = field(default_factory=dict)

    def files(self) -> list[Listed]:
        """Return all of them."""
        marks = [mark for mark in (self.validation, self.manifest) if mark is not None]
        groups = (*self.snapshots.values(), *self.checks.values())
        return marks + [one for group in groups for one in group]


@dataclass
class FeatureDay:
    """Hold one day's features: the manifest in force, and all files of rows."""

    manifest: Listed | None = None
    rows: list[Listed] = field(default_factory=list)

    def files(self) -> list[Listed]:
        """Return all of them."""
        return ([self.manifest] if self.manifest else []) + self.rows


@dataclass
class Inventory:
    """Hold what a project's prefix holds.

    Attributes:
        raw: By day.
        undated: Raw tables that are no day's own, each a folder, by the hash of their bytes.
        features: By day.
        candidates: Files of trained candidates, by candidate id.
        requests: What containers of trainings were asked and answered, by request.
        releases: Files of releases, by version.
        runs: Files of MLflow runs, by run id.
        history: What is never removed.
        unknown: What nothing here has a rule for; it is never removed, either.
    """

    raw: dict[date, RawDay] = field(default_factory=dict)
    undated: dict[str, list[Listed]] = field(default_factory=dict)
    features: dict[date, FeatureDay] = field(default_factory=dict)
    candidates: dict[str, list[Listed]] = field(default_factory=dict)
    requests: dict[str, list[Listed]] = field(default_factory=dict)
    releases: dict[str, list[Listed]] = field(default_factory=dict)
    runs: dict[str, list[Listed]] = field(default_factory=dict)
    history: list[Listed] = field(default_factory=list)
    unknown: list[Listed] = field(default_factory=list)
    count: int = 0


def take_inventory(store: ObjectStore, project: str) -> Inventory:
    """Return everything under the project's prefix; nothing is read, only listed."""
    return sort_files(project, store.list(f"{project}/"))


def sort_files(project: str, listed: Iterable[Listed]) -> Inventory:
    """Sort files by what they belong to; what has no place is `unknown`."""
    found = Inventory()
    for one in listed:
        found.count += 1
        path = one.key.removeprefix(f"{project}/")
        for pattern, put in _PLACES:
            match = pattern.fullmatch(path)
            if match and put(found, match, one):
                break
        else:
            found.unknown.append(one)
    return found


Put = Callable[[Inventory, "re.Match[str]", Listed], bool]


def _day_of(match: re.Match[str]) -> date | None:
    try:
        return date.fromisoformat(match["day"])
    except ValueError:
        return None


def _raw_day(found: Inventory, match: re.Match[str]) -> RawDay | None:
    day = _day_of(match)
    return None if day is None else found.raw.setdefault(day, RawDay())


def _put_raw_manifest(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    day = _raw_day(found, match)
    if day is not None:
        day.manifest = one
    return day is not None


def _put_undated(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    found.undated.setdefault(match["name"], []).append(one)
    return True


def _put_validation(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    day = _raw_day(found, match)
    if day is not None:
        day.validation = one
    return day is not None


def _put_snapshot(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    day = _raw_day(found, match)
    if day is not None:
        day.snapshots.setdefault(match["snapshot"], []).append(one)
    return day is not None


def _put_check(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    day = _raw_day(found, match)
    if day is not None:
        day.checks.setdefault(match["snapshot"], []).append(one)
    return day is not None


def _put_features(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    number = _day_of(match)
    if number is None:
        return False
    day = found.features.setdefault(number, FeatureDay())
    if one.key.endswith(f"/{MANIFEST}"):
        day.manifest = one
    else:
        day.rows.append(one)
    return True


def _put_candidate(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    found.candidates.setdefault(match["name"], []).append(one)
    return True


def _put_request(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    found.requests.setdefault(match["name"], []).append(one)
    return True


def _put_release(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    found.releases.setdefault(match["name"], []).append(one)
    return True


def _put_run(found: Inventory, match: re.Match[str], one: Listed) -> bool:
    found.runs.setdefault(match["name"], []).append(one)
    return True


def _put_history(found: Inventory, _: re.Match[str], one: Listed) -> bool:
    found.history.append(one)
    return True


_PLACES: tuple[tuple[re.Pattern[str], Put], ...] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (rf"raw/{_DATE}/{MANIFEST}", _put_raw_manifest),
        (rf"raw/{_DATE}/{_SNAPSHOT}/[^/]+", _put_snapshot),
        (r"raw/content=(?P<name>[^/]+)/[^/]+", _put_undated),
        (rf"validation/{_DATE}/{MANIFEST}", _put_validation),
        (rf"validation/{_DATE}/{_SNAPSHOT}/(check=[^/]+/)?results\.json", _put_check),
        (rf"rejected/{_DATE}/{_SNAPSHOT}/(check=[^/]+/)?rows\.parquet", _put_check),
        (rf"{_PAGES}/{_DATE}/(?P<snapshot>[^/]+)/results\.html", _put_check),
        (rf"features/{_DATE}/({MANIFEST}|[^/]+\.parquet)", _put_features),
        (r"models/requests/(?P<name>[^/]+)/(request|result)\.json", _put_request),
        (r"models/(?P<name>[^/]+)/[^/]+", _put_candidate),
        (r"releases/version=(?P<name>[^/]+)/[^/]+", _put_release),
        (r"mlflow/(?P<name>[0-9a-f]{32})/.+", _put_run),
        *((pattern, _put_history) for pattern in _HISTORY),
    )
)


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
        self.project = project
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
            self._decisions[decision_id] = read_decision(self._store, self.project, decision_id)
        return self._decisions[decision_id]

    def _record(self, candidate: str, version: str) -> tuple[tuple[DayRows, ...], Span | None]:
        """Return the rows a model was trained on and their days, from its own record or its release's."""
        if candidate not in self._rows:
            places = [keys.model_manifest(self.project, candidate)]
            if version:
                places.append(keys.release_file(self.project, version, RELEASE_MANIFEST))
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
    pin = champion_after(entries).pin
    if pin is not None:
        found.setdefault(pin.candidate_id, "pinned")
    judged = dict.fromkeys(entry.candidate_id for entry in reversed(entries) if entry.kind == "decision")
    for candidate in list(judged)[: keep.versions]:
        found.setdefault(candidate, f"one of the {keep.versions} judged last")
    return found


def _named(version: str, candidate: str) -> str:
    return f"version {version}" if version else candidate
