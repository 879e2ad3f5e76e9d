"""Plan what goes: days older than declared, files without a manifest, and models that nothing protects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from include.domain.decision import LedgerEntry
from include.io import keys
from include.io.manifests import Manifest, read_manifest
from include.io.object_store import Listed, ObjectStore
from include.io.raw_rows import read_manifests, snapshot_id
from include.io.releases import MANIFEST
from include.io.tracking_database import is_below
from include.io.tracking_removal import KnownRun, KnownVersion
from include.operations.retention.inventory import FeatureDay, Inventory, Protection, RawDay
from include.operations.retention.records import FRESH, Kind, Plan, Removal, by_manifest_first, is_fresh

UNNAMED = "no manifest names them: left by a writer that was killed"
NO_DAY = "days shared it, and none that stays does"
OLDER_CHECK = "an older check of a snapshot that was checked again since"
OLDER_ROWS = "prepared again since, and no version that stays was made from them"


def plan_raw(plan: Plan, store: ObjectStore, project: str, found: Inventory, raw_days: int, now: datetime) -> None:
    """Add days of raw data older than `raw_days` before the newest, whole with their checks, and unnamed files."""
    newest = max((day for day, raw in found.raw.items() if raw.manifest), default=None)
    cutoff = date.min if newest is None else newest - timedelta(days=raw_days)
    manifests = _raw_manifests(store, found)
    for day, raw in sorted(found.raw.items()):
        files = raw.files()
        fresh = is_fresh(files, now)
        if day < cutoff:
            if fresh:
                plan.keep("raw data", FRESH, files, day)
                continue
            why = f"older than keep.raw_days: {raw_days} before the newest, {newest}"
            marks, others = by_manifest_first(files)
            plan.removals.append(Removal("raw", day.isoformat(), why, _in_order(raw, marks), others))
        elif not fresh:
            _plan_unnamed(plan, project, day, raw, manifests)
    _plan_undated(plan, store, found, now)


def plan_features(
    plan: Plan,
    store: ObjectStore,
    project: str,
    found: Inventory,
    features_days: int,
    protection: Protection,
    now: datetime,
) -> None:
    """Add features older than `features_days` before the newest, and rows that no manifest names any more.

    Rows that a version which stays was trained or judged on stay, whatever their age.
    """
    newest = max((day for day, features in found.features.items() if features.manifest), default=None)
    cutoff = date.min if newest is None else newest - timedelta(days=features_days)
    manifests = _manifests(
        store, {day: keys.features_manifest(project, day) for day, one in found.features.items() if one.manifest}
    )
    for day, features in sorted(found.features.items()):
        files = features.files()
        named = {ref.key for ref in manifests[day].files.values()} if day in manifests else set()
        if day < cutoff:
            if is_fresh(files, now):
                plan.keep("features", FRESH, files, day)
                continue
            why = f"older than keep.features_days: {features_days} before the newest, {newest}"
            _plan_old_features(plan, day, features, named, protection, why)
        elif not is_fresh(files, now):
            unnamed = [one for one in features.rows if one.key not in named and not protection.why_rows(day, one.key)]
            if unnamed:
                kind: Kind = "superseded" if features.manifest else "orphans"
                why = OLDER_ROWS if features.manifest else UNNAMED
                plan.removals.append(Removal(kind, day.isoformat(), why, files=tuple(unnamed), rows_of=day))


def _plan_old_features(
    plan: Plan, day: date, features: FeatureDay, named: set[str], protection: Protection, why: str
) -> None:
    """Add one old day: all of it, or what is beside the rows that a version needs."""
    reasons = {one.key: protection.why_rows(day, one.key) for one in features.rows}
    needed = {key: reason for key, reason in reasons.items() if reason}
    # the manifest stays with the rows it names, so that the day stays whole
    whole = named if named & needed.keys() else set()
    stays = [one for one in features.rows if one.key in needed or one.key in whole]
    if whole and features.manifest:
        stays.append(features.manifest)
    if stays:
        plan.keep("features", next(iter(needed.values())), stays, day)
    goes = [one for one in features.files() if one not in stays]
    if goes:
        marks, rows = by_manifest_first(goes)
        plan.removals.append(Removal("features", day.isoformat(), why, marks, rows, rows_of=day))


def _plan_undated(plan: Plan, store: ObjectStore, found: Inventory, now: datetime) -> None:
    """Add tables that days share, where no snapshot that stays is made of them."""
    going = {one.key for removal in plan.removals for one in removal.marks}
    named = undated_in_use(store, found, going)
    for content, files in sorted(found.undated.items()):
        unnamed = [one for one in files if one.key not in named]
        if not unnamed:
            continue
        if is_fresh(files, now):
            plan.keep("raw data", FRESH, files)
            continue
        tables = ", ".join(sorted(one.key.rpartition("/")[2] for one in unnamed))
        plan.removals.append(Removal("superseded", f"{tables} {content}", NO_DAY, files=tuple(unnamed), undated=True))


def undated_in_use(store: ObjectStore, found: Inventory, going: Collection[str] = ()) -> frozenset[str]:
    """Return the keys of what the days' snapshots are made of, in force or not.

    Args:
        store: Where their manifests are read; where days share no table, none is.
        found: What was listed.
        going: Keys of manifests that do not count.
    """
    if not found.undated:
        return frozenset()
    marks = [raw.manifest.key for raw in found.raw.values() if raw.manifest is not None]
    for raw in found.raw.values():
        marks += [one.key for files in raw.snapshots.values() for one in by_manifest_first(files)[0]]
    manifests = read_manifests(store, [key for key in marks if key not in going])
    return frozenset(ref.key for one in manifests.values() if one is not None for ref in one.files.values())


def _raw_manifests(store: ObjectStore, found: Inventory) -> Mapping[str, Manifest | None]:
    wanted = [mark.key for raw in found.raw.values() for mark in (raw.manifest, raw.validation) if mark is not None]
    return read_manifests(store, wanted)


def _manifests(store: ObjectStore, wanted: Mapping[date, str]) -> dict[date, Manifest]:
    read = read_manifests(store, list(wanted.values()))
    found = {day: read[key] for day, key in wanted.items()}
    return {day: manifest for day, manifest in found.items() if manifest is not None}


def _in_order(raw: RawDay, marks: tuple[Listed, ...]) -> tuple[Listed, ...]:
    """Return the manifests in the order they go: the validation first, for it names files of the checks alone."""
    order = [mark for mark in (raw.validation, raw.manifest) if mark is not None]
    return (*order, *(mark for mark in marks if mark not in order))


def _plan_unnamed(plan: Plan, project: str, day: date, raw: RawDay, manifests: Mapping[str, Manifest | None]) -> None:
    """Add files of a day that no manifest explains: tables of an unfinished snapshot, files of an older check."""
    in_force = manifests.get(keys.raw_manifest(project, day))
    checked = manifests.get(keys.validation_manifest(project, day))
    whole = {name for name, files in raw.snapshots.items() if by_manifest_first(files)[0]}
    if in_force is not None:
        whole.add(snapshot_id(in_force))
    orphans = [one for name, files in raw.snapshots.items() if name not in whole for one in files]
    older: list[Listed] = []
    for name, files in raw.checks.items():
        if name not in whole or checked is None:
            orphans += files
        elif name == snapshot_id(checked):
            named = {ref.key for ref in checked.files.values()}
            older += [one for one in files if one.key not in named and not one.key.endswith(".html")]
    if orphans:
        plan.removals.append(Removal("orphans", day.isoformat(), UNNAMED, files=tuple(orphans)))
    if older:
        plan.removals.append(Removal("superseded", day.isoformat(), OLDER_CHECK, files=tuple(older)))


OPEN = ("RUNNING", "SCHEDULED")
FAILED_RUN = "a training that failed, or was killed, and left no model version"
NO_RUN = "files of a run that MLflow does not know any more"
UNANSWERED = "the request of a training whose worker was killed and never tried again"
UNFINISHED = "left by a training or promotion that was killed: no manifest, no finished run"


@dataclass
class Model:
    """Hold everything of one candidate.

    Attributes:
        files: Of the trained candidate.
        releases: Files of its releases, by version.
        versions: MLflow's model versions.
        runs: MLflow's runs whose files are in this store.
        artifacts: Files of those runs.
    """

    files: list[Listed] = field(default_factory=list)
    releases: dict[str, list[Listed]] = field(default_factory=dict)
    versions: list[KnownVersion] = field(default_factory=list)
    runs: list[KnownRun] = field(default_factory=list)
    artifacts: list[Listed] = field(default_factory=list)

    def objects(self) -> list[Listed]:
        """Return all objects of the store."""
        return [*self.files, *(one for files in self.releases.values() for one in files), *self.artifacts]

    def touched(self) -> Iterator[datetime]:
        """Yield when MLflow last touched its versions and runs."""
        yield from (version.touched for version in self.versions)
        yield from (run.touched for run in self.runs)


@dataclass(frozen=True)
class TrackedHere:
    """Hold what MLflow knows of this project and of this store: one database may serve several stores."""

    runs: Sequence[KnownRun]
    versions: Sequence[KnownVersion]
    elsewhere: Sequence[KnownRun]


def tracked_here(runs: Iterable[KnownRun], versions: Iterable[KnownVersion], *locations: str) -> TrackedHere:
    """Tell apart runs whose files are in one of `locations` from those of other stores, and versions with them."""
    here: list[KnownRun] = []
    elsewhere: list[KnownRun] = []
    for run in runs:
        (here if is_below(run.artifact_uri, *locations) else elsewhere).append(run)
    others = {run.run_id for run in elsewhere}
    return TrackedHere(here, [version for version in versions if version.run_id not in others], elsewhere)


def plan_versions(
    plan: Plan,
    store: ObjectStore,
    project: str,
    found: Inventory,
    entries: Sequence[LedgerEntry],
    tracked: TrackedHere,
    protection: Protection,
    now: datetime,
) -> None:
    """Add candidates that nothing protects, with all their traces, and what trainings left behind."""
    models, unclaimed = _models(store, project, found, entries, tracked)
    judged = {entry.candidate_id for entry in entries if entry.kind == "decision"}
    for candidate, model in sorted(models.items(), key=lambda item: (_numbers(item[1]) or ["~"], item[0])):
        name = _name(candidate, model)
        why_kept = protection.candidates.get(candidate) or _in_use(model)
        if why_kept:
            plan.keep(name, why_kept, model.objects())
            _plan_failed_runs(plan, candidate, model, found, protection, now)
        elif is_fresh(model.objects(), now, model.touched()):
            plan.keep(name, FRESH, model.objects())
        else:
            plan.removals.append(_removal(candidate, name, model, judged=candidate in judged))
    _plan_unclaimed_releases(plan, unclaimed, protection, now)
    _plan_lost_artifacts(plan, found, tracked, protection, now)


def _models(
    store: ObjectStore,
    project: str,
    found: Inventory,
    entries: Sequence[LedgerEntry],
    tracked: TrackedHere,
) -> tuple[dict[str, Model], dict[str, list[Listed]]]:
    """Return everything by candidate id, and the releases that nobody can be told of."""
    models: dict[str, Model] = {}
    for candidate, files in found.candidates.items():
        models.setdefault(candidate, Model()).files = files
    for run in tracked.runs:
        if run.candidate_id:
            model = models.setdefault(run.candidate_id, Model())
            model.runs.append(run)
            model.artifacts += found.runs.get(run.run_id, [])
    known = models.keys() | {entry.candidate_id for entry in entries}
    for version in tracked.versions:
        if version.candidate_id in known:
            models.setdefault(version.candidate_id, Model()).versions.append(version)
    candidate_of = {entry.version: entry.candidate_id for entry in entries if entry.version}
    candidate_of.update({one.version: one.candidate_id for one in tracked.versions if one.candidate_id})
    unclaimed: dict[str, list[Listed]] = {}
    for version_name, files in found.releases.items():
        candidate = _candidate_of_release(store, project, version_name, candidate_of)
        if candidate:
            models.setdefault(candidate, Model()).releases[version_name] = files
        else:
            unclaimed[version_name] = files
    return models, unclaimed


def _candidate_of_release(store: ObjectStore, project: str, version: str, known: Mapping[str, str]) -> str:
    manifest = read_manifest(store, keys.release_file(project, version, MANIFEST))
    return manifest.fingerprint if manifest is not None else known.get(version, "")


def _in_use(model: Model) -> str:
    """Return why a model that the ledger does not need stays all the same."""
    for version in model.versions:
        if version.aliases:
            return f"MLflow's alias {version.aliases[0]} points at version {version.version}"
    if any(run.status in OPEN for run in model.runs):
        return "a run of it is open in MLflow"
    return ""


def _removal(candidate: str, name: str, model: Model, *, judged: bool) -> Removal:
    marks, files = by_manifest_first([*model.files, *(one for release in model.releases.values() for one in release)])
    finished = any(run.status == "FINISHED" for run in model.runs)
    unfinished = not (marks or finished or model.versions)
    if unfinished:
        why = UNFINISHED if files else FAILED_RUN
    elif judged:
        why = "no champion that a rollback can go back to, and not among the judged last"
    else:
        why = "trained and never judged, or lost against a version that goes"
    return Removal(
        kind="orphans" if unfinished else "versions",
        name=name,
        why=why,
        marks=marks,
        files=files,
        artifacts=tuple(model.artifacts),
        candidate_id=candidate,
        releases=tuple(model.releases),
        versions=tuple(version.version for version in model.versions),
        runs=tuple(run.run_id for run in model.runs),
    )


def _plan_failed_runs(
    plan: Plan, candidate: str, model: Model, found: Inventory, protection: Protection, now: datetime
) -> None:
    """Add the failed runs of a model that stays: a retry made another run."""
    needed = {version.run_id for version in model.versions} | protection.runs
    for run in model.runs:
        files = found.runs.get(run.run_id, [])
        if run.status in (*OPEN, "FINISHED") or run.run_id in needed or is_fresh(files, now, [run.touched]):
            continue
        name = f"run {run.run_id} of {candidate}"
        plan.removals.append(Removal("orphans", name, FAILED_RUN, artifacts=tuple(files), runs=(run.run_id,)))


def _plan_unclaimed_releases(
    plan: Plan, unclaimed: Mapping[str, list[Listed]], protection: Protection, now: datetime
) -> None:
    for version, files in sorted(unclaimed.items()):
        if version not in protection.versions and not is_fresh(files, now):
            plan.removals.append(
                Removal("orphans", f"release {version}", UNFINISHED, files=tuple(files), releases=(version,))
            )


def _plan_lost_artifacts(
    plan: Plan, found: Inventory, tracked: TrackedHere, protection: Protection, now: datetime
) -> None:
    """Add files of runs that MLflow does not know; those of a version that stays, stay."""
    known = {run.run_id for run in (*tracked.runs, *tracked.elsewhere)} | protection.runs
    for run_id, files in sorted(found.runs.items()):
        if run_id not in known and not is_fresh(files, now):
            plan.removals.append(Removal("orphans", f"run {run_id}", NO_RUN, artifacts=tuple(files)))


def plan_requests(plan: Plan, found: Inventory, now: datetime) -> None:
    """Add requests of trainings in containers that nobody waits for any more: a worker removes its own."""
    for name, files in sorted(found.requests.items()):
        if is_fresh(files, now):
            plan.keep(f"training request {name}", FRESH, files)
        else:
            plan.removals.append(Removal("orphans", f"training request {name}", UNANSWERED, files=tuple(files)))


def _numbers(model: Model) -> list[str]:
    """Return its versions, oldest first."""
    found = {*model.releases, *(version.version for version in model.versions)}
    return sorted(number.zfill(9) for number in found)


def _name(candidate: str, model: Model) -> str:
    versions = ", ".join(number.lstrip("0") for number in _numbers(model))
    return f"version {versions} ({candidate})" if versions else candidate
