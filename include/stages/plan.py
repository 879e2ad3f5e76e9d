"""Plan a night: which days it uses, and which of them must be prepared first, and why."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from include.config.day_fingerprints import Recipe, recipe_of
from include.config.project import Project
from include.config.window import lookback_of, refuse_unfinished, split, spread, window_of, with_lookback
from include.domain.results import PlanInputs, PlanResult
from include.io import keys
from include.io.manifests import Manifest
from include.io.raw_rows import is_immature, read_manifests, snapshot_id
from include.io.stores import open_store

logger = logging.getLogger(__name__)

REFRESH = "raw refresh"
FORCED = "forced"
REJECTED = "rejected before"
MISSING = "missing"
ENGINE = "engine changed"
CODE = "code changed"
DECLARATION = "declaration changed"
MATURED = "labels matured"
RAW = "raw data changed"


def run(project: Project, inputs: PlanInputs) -> PlanResult:
    """Choose the window of `inputs.as_of` and find its stale days.

    Reads at most three manifests a day of the window, so the cost of a night does not grow with history. A source
    that changes later makes nothing stale: raw snapshots are history, unless the run asks to read them again. A day
    that validation rejected is always stale, so that a repaired source heals it; so is a day that was read before its
    labels were known.

    Returns:
        Train and holdout, the days, the stale ones in contiguous batches, and how many are stale for which reason.

    Raises:
        WindowError: Too few days are left to train on.
    """
    refuse_unfinished(inputs)
    days = window_of(project, inputs.as_of, inputs.window_days)
    train, holdout = split(project, days)
    reasons: dict[date, str] = {}
    if inputs.force or inputs.refresh_raw:
        reasons = dict.fromkeys(days, REFRESH if inputs.refresh_raw else FORCED)
    else:
        with_reads = _read_window(project, inputs.store_url, days)
        recipe = recipe_of(project)
        for day in days:
            reason = stale_reason(project, recipe, day, with_reads)
            if reason:
                reasons[day] = reason
    counts = dict(sorted(Counter(reasons.values()).items()))
    logger.info("%s as of %s: %d days, %d stale %s", project.name, inputs.as_of, len(days), len(reasons), counts)
    return PlanResult(
        train=train,
        holdout=holdout,
        days=days,
        batches=spread(sorted(reasons), inputs.batches),
        fresh=len(days) - len(reasons),
        stale=len(reasons),
        reasons=counts,
    )


def stale_reason(project: Project, recipe: Recipe, day: date, manifests: Mapping[str, Manifest | None]) -> str:
    """Return why the features of `day` may not be used as they are, or an empty string when they may.

    Args:
        project: The project as declared now.
        recipe: The recipe in force.
        day: A day of the window.
        manifests: By key: the day's features and validation, and the raw snapshots of the day and its lookback.
    """
    validation = manifests[keys.validation_manifest(project.name, day)]
    if validation is not None and validation.status == "rejected":
        return REJECTED
    features = manifests[keys.features_manifest(project.name, day)]
    if features is None:
        return MISSING
    for part, reason in (("engine", ENGINE), ("code", CODE), ("declaration", DECLARATION)):
        if features.details.get(part) != getattr(recipe, part):
            return reason
    needed = {each: manifests[keys.raw_manifest(project.name, each)] for each in (*lookback_of(project, day), day)}
    raw = {each: manifest for each, manifest in needed.items() if manifest is not None}
    if any(is_immature(project, each, manifest) for each, manifest in raw.items()):
        return MATURED
    snapshots = {each: snapshot_id(manifest) for each, manifest in raw.items()}
    return "" if features.fingerprint == recipe.of_features(snapshots) else RAW


def _read_window(project: Project, store_url: str, days: Sequence[date]) -> dict[str, Manifest | None]:
    wanted = [keys.features_manifest(project.name, day) for day in days]
    wanted += [keys.validation_manifest(project.name, day) for day in days]
    wanted += [keys.raw_manifest(project.name, day) for day in with_lookback(project, days)]
    return read_manifests(open_store(store_url), wanted)
