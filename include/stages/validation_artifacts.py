"""Write what validation found: results, rows set aside, Data Docs, and the manifests last."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
from pydantic_core import to_json

from include.config import clock
from include.config.project import Project
from include.config.results import PartitionInputs
from include.io import keys
from include.io.data_docs import IndexLine, page_path, publish_day, publish_index
from include.io.expectations import SuiteReport
from include.io.manifests import FileRef, Manifest, put_file
from include.io.object_store import ObjectStore
from include.io.tables import to_parquet
from include.stages.column_contract import FACTS, facts_of
from include.stages.columns import REASONS_COLUMN, ROW_COLUMN, ROWS
from include.stages.drawing import drawn, note_page
from include.stages.findings import MAX_FINDINGS_SHOWN, Judgement
from include.stages.fingerprints import Recipe
from include.stages.in_force import InForce, put_in_force
from include.stages.snapshots import snapshot_id

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
    seen: InForce
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
        if put_in_force(store, keys.validation_manifest(project.name, one.day), manifests[one.day], one.seen)
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
