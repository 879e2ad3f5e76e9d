"""Write what validation found, and what comparing a day with those around it says: results, Data Docs, manifests."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd
from pydantic_core import to_json

from include.config.day_fingerprints import Recipe
from include.config.project import Project
from include.config.window import mature_on, with_lookback
from include.domain import clock
from include.domain.results import PartitionInputs
from include.io import keys
from include.io.data_docs import IndexLine, merge_index, page_path, publish_day, publish_index
from include.io.keys import REASONS_COLUMN, ROW_COLUMN, ROWS
from include.io.manifests import (
    MAX_TRIES,
    CurrentManifest,
    FileRef,
    Manifest,
    kept_changing,
    put_file,
    read_current,
    read_manifest,
    replace_current,
)
from include.io.object_store import ObjectStore
from include.io.raw_rows import known_as_of, read_manifests, snapshot_id
from include.io.tables import to_parquet
from include.reports.templates import drawn, note_page
from include.stages.validate.column_contract import FACTS, differences, facts_in, facts_of, without_labels
from include.stages.validate.quarantine import MAX_FINDINGS_SHOWN, Finding, Judgement, sorted_findings

if TYPE_CHECKING:
    from include.io.expectations import SuiteReport

logger = logging.getLogger(__name__)
# a change of a column shows against the days next to it; older ones say nothing more
NEAR_DAYS = 14
BY_OTHERS = "compared"


def compare_days(
    project: Project, inputs: PartitionInputs, store: ObjectStore, recipe: Recipe, manifests: Mapping[date, Manifest]
) -> dict[date, Manifest]:
    """Return the validations of days, rejected where other days show that they are not as they should be.

    The other days are the nearest ones of the run's window, at most `NEAR_DAYS` before and after, that passed by the
    same code and declaration: the labels of the window may be late, so a day that is scored can be weeks after it.

    Raises:
        PartitionChangedError: Other runs kept changing a day.
    """
    days = {day: facts for day, manifest in manifests.items() if (facts := facts_in(manifest)) is not None}
    own = set(days)
    for day, manifest in _others(project, inputs, store, manifests).items():
        facts = facts_in(manifest)
        if (
            facts
            and manifest.status == "complete"
            and manifest.fingerprint == recipe.of_validation(snapshot_id(manifest))
        ):
            days[day] = facts
    found = differences(project, days, own)
    for day in own:
        unlabelled = without_labels(project, days[day])
        if unlabelled is not None and _is_mature(project, store, day):
            found.setdefault(day, []).append(unlabelled)
    return {day: _told(project, store, manifest, found.get(day, [])) for day, manifest in manifests.items()}


def _others(
    project: Project, inputs: PartitionInputs, store: ObjectStore, manifests: Mapping[date, Manifest]
) -> dict[date, Manifest]:
    newest = inputs.as_of - timedelta(days=project.window.label_delay_days)
    window = [newest - timedelta(days=back) for back in range(project.window.days)]
    first, last = min(manifests), max(manifests)
    days = [
        day for day in with_lookback(project, window) if day not in manifests and day not in project.window.excluded
    ]
    before, after = [day for day in days if day < first], [day for day in days if day > last]
    between = [day for day in days if first < day < last]
    near = [*before[-NEAR_DAYS:], *between, *after[:NEAR_DAYS]]
    wanted = {day: keys.validation_manifest(project.name, day) for day in near}
    found = read_manifests(store, list(wanted.values()))
    return {day: manifest for day, key in wanted.items() if (manifest := found[key]) is not None}


def _is_mature(project: Project, store: ObjectStore, day: date) -> bool:
    """Tell whether the labels of a day had to be known when its snapshot was read; one that does not say is."""
    raw = read_manifest(store, keys.raw_manifest(project.name, day))
    as_of = None if raw is None else known_as_of(raw)
    return as_of is None or as_of >= mature_on(project, day)


def _told(project: Project, store: ObjectStore, manifest: Manifest, by_others: list[Finding]) -> Manifest:
    """Write what the other days say into a day's validation, and return what is in force."""
    key = keys.validation_manifest(project.name, manifest.day or date.min)
    seen = CurrentManifest(manifest)
    for _ in range(MAX_TRIES):
        changed = _with(seen.manifest or manifest, by_others)
        if changed == seen.manifest:
            return changed
        if seen.etag is not None and replace_current(store, key, changed, seen):
            merge_index(store, project.name, [_line_of_manifest(changed)])
            logger.info("%s %s: %s, compared with other days", project.name, changed.day, changed.status)
            return changed
        seen = read_current(store, key)
        if seen.manifest is None or seen.manifest.fingerprint != manifest.fingerprint:
            break
    raise kept_changing(f"{project.name}/validate on {manifest.day}")


def _with(manifest: Manifest, by_others: list[Finding]) -> Manifest:
    """Return a validation with what other days say in place of what they said before."""
    before = manifest.details.get(BY_OTHERS, [])
    own = [Finding.model_validate(kept) for kept in manifest.details["findings"] if kept not in before]
    findings = sorted_findings([*own, *by_others])
    details = {**manifest.details, "findings": [finding.model_dump(mode="json") for finding in findings]}
    if by_others or before:
        details[BY_OTHERS] = [finding.model_dump(mode="json") for finding in by_others]
    status = "rejected" if any(finding.refuses for finding in findings) else "complete"
    return manifest.model_copy(update={"details": details, "status": status})


def _line_of_manifest(manifest: Manifest) -> IndexLine:
    details = manifest.details
    findings = tuple(str(Finding.model_validate(finding)) for finding in details["findings"][:MAX_FINDINGS_SHOWN])
    return IndexLine(
        day=manifest.day or date.min,
        status="rejected" if manifest.status == "rejected" else "passed",
        rows=details["rows"],
        set_aside=details["quarantined"],
        findings=findings,
        path=details["data_docs"],
    )


RESULTS = "results"


@dataclass(frozen=True)
class Checked:
    """Hold one checked day until its whole portion is checked.

    Attributes:
        day: The partition.
        snapshot: The raw snapshot that was checked.
        seen: The day's validation when it was looked at, before the snapshot was read.
        judgement: The verdict on it.
        frame: The assembled day; None when it could not be assembled.
        report: What the suite said; None when there was no frame.
    """

    day: date
    snapshot: Manifest
    seen: CurrentManifest
    judgement: Judgement
    frame: pd.DataFrame | None = None
    report: SuiteReport | None = None


def publish(
    project: Project,
    inputs: PartitionInputs,
    store: ObjectStore,
    recipe: Recipe,
    suite_page: str,
    checked: Sequence[Checked],
) -> dict[date, Manifest]:
    """Write everything the checked days gave, and return the manifests that were written.

    Files first, then the Data Docs, then the manifests: when a run is killed in between, the days count as unchecked.
    A day whose validation another run has changed meanwhile is left out: it is to be looked at again.
    """
    manifests: dict[date, Manifest] = {}
    lines = []
    for one in checked:
        page = _page(project, one)
        snapshot = snapshot_id(one.snapshot)
        path = page_path(project.name, one.day, snapshot) if page else ""
        lines.append(_line(one, path))
        if page:
            publish_day(store, project.name, lines[-1], page)
        manifests[one.day] = Manifest(
            kind="validation",
            project=project.name,
            day=one.day,
            status="rejected" if one.judgement.refused else "complete",
            fingerprint=recipe.of_validation(snapshot),
            files=_files(project, store, one),
            origin=inputs.origin,
            made_at=clock.now(),
            details={"snapshot": snapshot, **_summary(one.judgement), "data_docs": path, **_facts(project, one)},
        )
    publish_index(store, project.name, suite_page, lines)
    return {
        one.day: manifests[one.day]
        for one in checked
        if replace_current(store, keys.validation_manifest(project.name, one.day), manifests[one.day], one.seen)
    }


def _page(project: Project, one: Checked) -> str:
    """Return Great Expectations' page of a day, a note where it cannot render it; empty without a report."""
    title = f"{project.name} {one.day}"
    report = one.report
    return "" if report is None else drawn("the day's results", report.as_page, lambda note: note_page(title, "", note))


def _summary(judgement: Judgement) -> dict[str, object]:
    return {
        "rows": judgement.rows,
        "quarantined": len(judgement.reasons),
        "findings": [finding.model_dump(mode="json") for finding in judgement.findings],
    }


def _facts(project: Project, one: Checked) -> dict[str, object]:
    return {} if one.frame is None else {FACTS: facts_of(project, one.frame)}


def _line(one: Checked, path: str) -> IndexLine:
    return IndexLine(
        day=one.day,
        status="rejected" if one.judgement.refused else "passed",
        rows=one.judgement.rows,
        set_aside=len(one.judgement.reasons),
        findings=tuple(str(finding) for finding in one.judgement.findings[:MAX_FINDINGS_SHOWN]),
        path=path,
    )


def _files(project: Project, store: ObjectStore, one: Checked) -> dict[str, FileRef]:
    """Write the full results, and the rows set aside with their reasons.

    The keys hold a hash of the content: a forced run never overwrites bytes that a manifest still names.
    """
    expectations = one.report.as_json() if one.report else []
    snapshot = snapshot_id(one.snapshot)
    told = {"project": project.name, "day": one.day.isoformat(), "snapshot": snapshot}
    results = to_json({**told, **_summary(one.judgement), "expectations": expectations}, indent=2, inf_nan_mode="null")
    key = keys.validation_results(project.name, one.day, snapshot, hashlib.sha256(results).hexdigest())
    files = {RESULTS: put_file(store, key, results)}
    if one.judgement.reasons and one.frame is not None:
        rows = one.frame.loc[list(one.judgement.reasons)].copy()
        rows[ROW_COLUMN] = list(one.judgement.reasons)
        rows[REASONS_COLUMN] = ["; ".join(reasons) for reasons in one.judgement.reasons.values()]
        data = to_parquet(rows, f"{project.name}/{one.day}: rows set aside")
        key = keys.rejected_rows(project.name, one.day, snapshot, hashlib.sha256(data).hexdigest())
        files[ROWS] = put_file(store, key, data, rows=len(rows))
    return files
