"""Validate: run the project's suite over days of raw data, set bad rows aside, and refuse bad days."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from include.config.day_fingerprints import Recipe, recipe_of
from include.config.project import Project
from include.config.project_code import CODE_FAILURES, code_failure, load_module
from include.config.window import portions, refuse_unfinished, with_lookback
from include.domain.errors import (
    MAX_EXAMPLES,
    ObjectMissingError,
    PartitionRejectedError,
    ProjectCodeError,
    aggregated,
    same_cause,
)
from include.domain.results import PartitionInputs, ValidateResult
from include.io import keys
from include.io.manifests import MAX_TRIES, CurrentManifest, Manifest, kept_changing, read_current, read_manifest
from include.io.object_store import ObjectStore
from include.io.raw_rows import assemble, load_tables, snapshot_id
from include.io.stores import open_store
from include.reports.templates import drawn, note_page
from include.stages.validate.column_contract import target_findings
from include.stages.validate.quarantine import (
    ASSEMBLE,
    MAX_FINDINGS_SHOWN,
    Finding,
    Judgement,
    check_dates,
    judge,
    likely_fix,
)
from include.stages.validate.records import Checked, compare_days, publish

if TYPE_CHECKING:
    from include.io.expectations import SuiteRunner

logger = logging.getLogger(__name__)


def run(project: Project, inputs: PartitionInputs) -> ValidateResult:
    """Check the days of a batch, and the days they look back to: `history` holds good rows only.

    A snapshot that was checked by the same code and declaration is not checked again (unless `force`); how it compares
    with the other days is. Days are taken
    in portions: results and rows set aside are written first, then the Data Docs, then the manifests, so a killed run
    checks at most a portion again.

    Returns:
        `rows` that passed and rows `quarantined`, of the batch's own days.

    Raises:
        PartitionRejectedError: Days are refused; raised after all days of the batch were looked at.
        ProjectCodeError: `expectations.py` or `assemble` fails whatever the data.
        ObjectMissingError: A day has no snapshot.
        PartitionChangedError: Other runs kept changing a day.
    """
    refuse_unfinished(inputs)
    store = open_store(inputs.store_url)
    recipe = recipe_of(project)
    days = with_lookback(project, inputs.days)
    suite = _Suite(project)
    manifests: dict[date, Manifest] = {}
    checked = 0
    for portion in portions(project, days, inputs.origin.run_id):
        settled, new = _settle(project, inputs, store, recipe, suite, portion)
        manifests.update(settled)
        checked += new
    manifests = compare_days(project, inputs, store, recipe, manifests)
    _refuse(project, store, manifests)
    details = [manifests[day].details for day in inputs.days]
    set_aside = sum(day["quarantined"] for day in details)
    rows = sum(day["rows"] for day in details) - set_aside
    logger.info("%s: %d of %d days checked, %d rows good, %d not", project.name, checked, len(days), rows, set_aside)
    uri = store.uri(keys.data_docs(project.name))
    return ValidateResult(days=inputs.days, rows=rows, quarantined=set_aside, data_docs_uri=uri)


class _Suite:
    """Build the project's suite and its page once, when the first day needs them."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def runner(self) -> SuiteRunner:
        # heavy, and this package is imported by stages that check nothing
        from include.io.expectations import SuiteRunner

        return SuiteRunner(self._project.name, _expectations(self._project), self._project.pii)

    @cached_property
    def page(self) -> str:
        """The page of what is expected."""
        title = f"{self._project.name}: what is expected"
        return drawn("what is expected", self.runner.as_page, lambda note: note_page(title, "", note))


def _expectations(project: Project) -> list[Any]:
    from include.io.expectations import is_expectation

    where = f"{project.name}/expectations.py"
    module = load_module(project, "expectations")
    try:
        expectations = list(module.build_suite())
    except CODE_FAILURES as error:
        raise code_failure(project, "expectations", "build_suite() fails", error) from error
    wrong = [type(value).__name__ for value in expectations if not is_expectation(value)]
    if wrong or not expectations:
        raise ProjectCodeError(
            where,
            "build_suite() must return Great Expectations objects",
            got=", ".join(wrong[:MAX_EXAMPLES]) or "an empty list",
            allowed=("great_expectations.expectations.Expect...",),
        )
    return expectations


def _settle(
    project: Project, inputs: PartitionInputs, store: ObjectStore, recipe: Recipe, suite: _Suite, days: Sequence[date]
) -> tuple[dict[date, Manifest], int]:
    """Return the validation of each day, and how many were checked now; a day that another run changed is seen anew."""
    settled: dict[date, Manifest] = {}
    new = 0
    for _ in range(MAX_TRIES):
        checked = []
        for day in (day for day in days if day not in settled):
            # before the snapshot is read: see in_force
            seen = read_current(store, keys.validation_manifest(project.name, day))
            snapshot = read_manifest(store, keys.raw_manifest(project.name, day))
            if snapshot is None:
                raise _not_ingested(project, store, day)
            known, wanted = seen.manifest, recipe.of_validation(snapshot_id(snapshot))
            if known is not None and known.fingerprint == wanted and not inputs.force:
                settled[day] = known
            else:
                checked.append(_check(project, store, suite, day, snapshot, seen))
        if not checked:
            return settled, new
        published = publish(project, inputs, store, recipe, suite.page, checked)
        settled.update(published)
        new += len(published)
        if len(settled) == len(days):
            return settled, new
    changed = ", ".join(str(day) for day in days if day not in settled)
    raise kept_changing(f"{project.name}/validate on {changed}")


def _check(
    project: Project, store: ObjectStore, suite: _Suite, day: date, snapshot: Manifest, seen: CurrentManifest
) -> Checked:
    try:
        frame = assemble(project, day, load_tables(store, snapshot))
    except PartitionRejectedError as error:
        problem = error.problem
        note = f"{problem.what}: {problem.got}; the tables have {', '.join(problem.allowed)[:500]}"
        judgement = Judgement(0, findings=(Finding(check=ASSEMBLE, note=note, refuses=True),))
        return Checked(day, snapshot, seen, judgement)
    try:
        report = suite.runner.run(frame)
    except SystemExit as error:
        # of other exceptions of an expectation the suite says itself that it cannot be evaluated
        raise code_failure(project, "expectations", "an expectation ends the process", error) from error
    checks = (*check_dates(project, day, frame), *report.checks)
    judgement = judge(project, frame, checks).with_more(target_findings(project, frame))
    return Checked(day, snapshot, seen, judgement, frame, report)


def _refuse(project: Project, store: ObjectStore, manifests: dict[date, Manifest]) -> None:
    refused, causes, all_found = [], [], []
    for day, manifest in sorted(manifests.items()):
        if manifest.status == "rejected":
            found = [Finding.model_validate(finding) for finding in manifest.details["findings"]]
            findings = [str(finding) for finding in found]
            left_out = len(findings) - MAX_FINDINGS_SHOWN
            more = [f"and {left_out} more findings"] if left_out > 0 else []
            refused.append((day, "; ".join(findings[:MAX_FINDINGS_SHOWN] + more)))
            # the examples are other ones each day
            causes.append("; ".join(sorted(f"{finding.label} {same_cause(finding.note)}" for finding in found)))
            all_found.append((manifest.details["rows"], found))
    if refused:
        raise aggregated(
            PartitionRejectedError,
            f"{project.name}/validate",
            "were rejected",
            refused,
            total=len(manifests),
            causes=causes,
            hint=f"{likely_fix(project, all_found, len(manifests))}; "
            f"full results: {store.uri(keys.data_docs(project.name))}",
        )


def _not_ingested(project: Project, store: ObjectStore, day: date) -> ObjectMissingError:
    return ObjectMissingError(
        f"{project.name}/validate",
        "the day has no raw snapshot",
        got=f"nothing at {store.uri(keys.raw_manifest(project.name, day))}",
        hint="run ingest for the day first",
    )
