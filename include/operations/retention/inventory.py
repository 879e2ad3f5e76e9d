"""Sort everything that lies under a project's prefix by what it belongs to, from one listing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from include.io.object_store import Listed, ObjectStore

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
        features: By day.
        candidates: Files of trained candidates, by candidate id.
        requests: What containers of trainings were asked and answered, by request.
        releases: Files of releases, by version.
        runs: Files of MLflow runs, by run id.
        history: What is never removed.
        unknown: What nothing here has a rule for; it is never removed, either.
    """

    raw: dict[date, RawDay] = field(default_factory=dict)
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
