"""Compare checked days with those around them, and write what that says into their validations.

It is looked at anew each time: a day that was refused for what others are stands again when they were repaired.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, timedelta

from include.config.project import Project
from include.config.results import PartitionInputs
from include.io import keys
from include.io.data_docs import IndexLine, merge_index
from include.io.manifests import Manifest, read_manifest
from include.io.object_store import ObjectStore
from include.stages.column_contract import differences, facts_in, without_labels
from include.stages.findings import MAX_FINDINGS_SHOWN, Finding, sorted_findings
from include.stages.fingerprints import Recipe
from include.stages.in_force import MAX_TRIES, InForce, kept_changing, look, put_in_force
from include.stages.partitions import mature_on, with_lookback
from include.stages.snapshots import known_as_of, read_manifests, snapshot_id

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
    seen = InForce(manifest)
    for _ in range(MAX_TRIES):
        changed = _with(seen.manifest or manifest, by_others)
        if changed == seen.manifest:
            return changed
        if seen.etag is not None and put_in_force(store, key, changed, seen):
            merge_index(store, project.name, [_line(changed)])
            logger.info("%s %s: %s, compared with other days", project.name, changed.day, changed.status)
            return changed
        seen = look(store, key)
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


def _line(manifest: Manifest) -> IndexLine:
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
