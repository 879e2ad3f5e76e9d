"""Validate: run the project's suite over days of raw data, set bad rows aside, and refuse bad days."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from pydantic_core import to_json

from include.config import clock
from include.config.errors import MAX_EXAMPLES, ObjectMissingError, PartitionRejectedError, ProjectCodeError
from include.config.project import Project
from include.config.project_code import load_module
from include.config.results import PartitionInputs, ValidateResult
from include.io import keys
from include.io.data_docs import DataDocs, IndexLine
from include.io.expectations import SuiteReport, SuiteRunner, is_expectation
from include.io.manifests import FileRef, Manifest, put_file, read_manifest, write_manifest
from include.io.object_store import ObjectStore, open_store
from include.io.tables import to_parquet
from include.stages.assembling import assemble
from include.stages.findings import Finding, Judgement, judge
from include.stages.fingerprints import Recipe, recipe_of
from include.stages.partitions import with_lookback
from include.stages.refusals import several
from include.stages.snapshots import Snapshot, load_tables, read_snapshot

logger = logging.getLogger(__name__)

ROW_COLUMN = "_row"
REASONS_COLUMN = "_reasons"
MAX_FINDINGS_SHOWN = 5


@dataclass(frozen=True)
class _Checked:
    """Hold one checked day until the whole batch is: its judgement, the frame and what the suite said."""

    day: date
    snapshot: Snapshot
    judgement: Judgement
    frame: pd.DataFrame | None = None
    report: SuiteReport | None = None


def run(project: Project, inputs: PartitionInputs) -> ValidateResult:
    """Check the days of a batch, and the days they look back to: `history` holds good rows only.

    A snapshot that was checked by the same code and declaration is not checked again (unless `force`). Results and
    rows set aside are written first, then the Data Docs, then the manifests: a killed run checks its batch again.

    Returns:
        `rows` that passed and rows `quarantined`, of the batch's own days.

    Raises:
        PartitionRejectedError: Days are refused; raised after all days of the batch were looked at.
        ProjectCodeError: `expectations.py` or `assemble` fails whatever the data.
        ObjectMissingError: A day has no snapshot.
    """
    store = open_store(inputs.store_url)
    recipe = recipe_of(project)
    days = with_lookback(project, inputs.days)
    manifests: dict[date, Manifest] = {}
    checked: list[_Checked] = []
    suite = _Suite(project)
    for day in days:
        snapshot = read_snapshot(store, project, day)
        if snapshot is None:
            raise _not_ingested(project, store, day)
        known = read_manifest(store, keys.validation_manifest(project.name, day))
        if known is not None and known.fingerprint == recipe.of_validation(snapshot.id) and not inputs.force:
            manifests[day] = known
        else:
            checked.append(_check(project, store, suite, day, snapshot))
    manifests.update(_publish(project, inputs, store, recipe, suite, checked))
    _refuse(project, store, manifests)
    result = ValidateResult(
        days=inputs.days,
        rows=sum(manifests[day].details["rows"] - manifests[day].details["quarantined"] for day in inputs.days),
        quarantined=sum(manifests[day].details["quarantined"] for day in inputs.days),
        data_docs_uri=store.uri(keys.data_docs(project.name)),
    )
    logger.info(
        "%s: validated %d days (%d checked now), %d rows passed, %d set aside",
        project.name,
        len(days),
        len(checked),
        result.rows,
        result.quarantined,
    )
    return result


class _Suite:
    """Build the project's suite once, when the first day needs it."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._runner: SuiteRunner | None = None

    @property
    def runner(self) -> SuiteRunner:
        if self._runner is None:
            self._runner = SuiteRunner(self._project.name, _expectations(self._project), self._project.pii)
        return self._runner


def _expectations(project: Project) -> list[Any]:
    where = f"{project.name}/expectations.py"
    module = load_module(project, "expectations")
    try:
        expectations = list(module.build_suite())
    except Exception as error:
        raise ProjectCodeError(where, "build_suite() fails", got=f"{type(error).__name__}: {error}") from error
    wrong = [type(value).__name__ for value in expectations if not is_expectation(value)]
    if wrong or not expectations:
        raise ProjectCodeError(
            where,
            "build_suite() must return Great Expectations objects",
            got=", ".join(wrong[:MAX_EXAMPLES]) or "an empty list",
            allowed=("great_expectations.expectations.Expect...",),
        )
    return expectations


def _check(project: Project, store: ObjectStore, suite: _Suite, day: date, snapshot: Snapshot) -> _Checked:
    try:
        frame = assemble(project, day, load_tables(store, snapshot.manifest))
    except PartitionRejectedError as error:
        problem = error.problem
        note = f"{problem.what}: {problem.got}; the tables have {', '.join(problem.allowed)[:500]}"
        return _Checked(day, snapshot, Judgement(0, findings=(Finding(check="assemble", note=note, refuses=True),)))
    report = suite.runner.run(frame)
    return _Checked(day, snapshot, judge(project, frame, report.checks), frame, report)


def _publish(
    project: Project,
    inputs: PartitionInputs,
    store: ObjectStore,
    recipe: Recipe,
    suite: _Suite,
    checked: list[_Checked],
) -> dict[date, Manifest]:
    """Write everything the checked days gave: files, then Data Docs, then manifests."""
    if not checked:
        return {}
    docs = DataDocs(store, project.name, suite.runner.suite)
    manifests, lines = {}, []
    for one in checked:
        judgement = one.judgement
        path = docs.publish_day(one.day, one.snapshot.id, one.report) if one.report else ""
        manifests[one.day] = Manifest(
            kind="validation",
            project=project.name,
            day=one.day,
            status="rejected" if judgement.refused else "complete",
            fingerprint=recipe.of_validation(one.snapshot.id),
            files=_files(project, store, one),
            origin=inputs.origin,
            made_at=clock.now(),
            details={
                "snapshot": one.snapshot.id,
                "rows": judgement.rows,
                "quarantined": len(judgement.reasons),
                "findings": [finding.model_dump(mode="json") for finding in judgement.findings],
                "data_docs": path,
            },
        )
        lines.append(
            IndexLine(
                day=one.day,
                status="rejected" if judgement.refused else "passed",
                rows=judgement.rows,
                set_aside=len(judgement.reasons),
                findings=tuple(str(finding) for finding in judgement.findings[:MAX_FINDINGS_SHOWN]),
                path=path,
            )
        )
    docs.publish_index(lines)
    for day, manifest in manifests.items():
        write_manifest(store, keys.validation_manifest(project.name, day), manifest)
    return manifests


def _files(project: Project, store: ObjectStore, one: _Checked) -> dict[str, FileRef]:
    """Write the full results, and the rows set aside with their reasons; content names the keys, so nothing is torn."""
    results = to_json(
        {
            "project": project.name,
            "day": one.day.isoformat(),
            "snapshot": one.snapshot.id,
            "rows": one.judgement.rows,
            "quarantined": len(one.judgement.reasons),
            "findings": [finding.model_dump(mode="json") for finding in one.judgement.findings],
            "expectations": one.report.as_json() if one.report else [],
        },
        indent=2,
        inf_nan_mode="null",
    )
    snapshot = one.snapshot.id
    key = keys.validation_results(project.name, one.day, snapshot, hashlib.sha256(results).hexdigest())
    files = {"results": put_file(store, key, results)}
    if one.judgement.reasons and one.frame is not None:
        rows = one.frame.loc[list(one.judgement.reasons)].copy()
        rows[ROW_COLUMN] = list(one.judgement.reasons)
        rows[REASONS_COLUMN] = ["; ".join(reasons) for reasons in one.judgement.reasons.values()]
        data = to_parquet(rows, f"{project.name}/{one.day}: rows set aside")
        key = keys.rejected_rows(project.name, one.day, snapshot, hashlib.sha256(data).hexdigest())
        files["rows"] = put_file(store, key, data, rows=len(rows))
    return files


def _refuse(project: Project, store: ObjectStore, manifests: dict[date, Manifest]) -> None:
    refused = []
    for day, manifest in sorted(manifests.items()):
        if manifest.status == "rejected":
            findings = [str(Finding.model_validate(finding)) for finding in manifest.details["findings"]]
            left_out = len(findings) - MAX_FINDINGS_SHOWN
            more = [f"and {left_out} more findings"] if left_out > 0 else []
            refused.append((day, "; ".join(findings[:MAX_FINDINGS_SHOWN] + more)))
    if refused:
        raise several(
            PartitionRejectedError,
            f"{project.name}/validate",
            "were rejected",
            refused,
            total=len(manifests),
            hint=(
                "have the source deliver the day again and run again, or list it in window.excluded; "
                f"full results: {store.uri(keys.data_docs(project.name))}"
            ),
        )


def _not_ingested(project: Project, store: ObjectStore, day: date) -> ObjectMissingError:
    return ObjectMissingError(
        f"{project.name}/validate",
        "the day has no raw snapshot",
        got=f"nothing at {store.uri(keys.raw_manifest(project.name, day))}",
        hint="run ingest for the day first",
    )
