"""Measure what a model says on a decision's holdout where nobody did; measured once, then kept in the store."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from include.config.identity import decision_code, fingerprint_of
from include.config.project import Project
from include.domain.decision import Decision, ModelSummary
from include.domain.errors import ChecksumMismatchError, EvaluationError, ModelUntrustedError, ObjectMissingError
from include.domain.evidence import Measurements
from include.domain.results import Receipt
from include.io import keys
from include.io.feature_rows import read_rows
from include.io.manifests import keep_first, read_manifest, read_receipt
from include.io.models import LoadedModel, TrainingRecord, load_with, read_candidate, read_record
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST
from include.stages.evaluate.context import (
    Answered,
    measure_baseline,
    measure_model,
    measured_metrics,
    scored_rows,
    why_not_scored,
)
from include.stages.evaluate.measurements import looks_beside, measure_beside, measurement_fingerprint, proves_alone


def without_champion(measured: Measurements) -> Measurements:
    """Return what the measurements say of the challenger alone."""
    ours = "challenger"
    nobody = {"champion": None, "gain": None, "standard_error": None, "interval": None, "degrees_of_freedom": None}
    money, runtime = measured.money, measured.runtime
    return measured.model_copy(
        update={
            "differences": (),
            "tests": (),
            "points": {role: point for role, point in measured.points.items() if role == ours},
            "calibration": {role: found for role, found in measured.calibration.items() if role == ours},
            "groups": tuple(group.model_copy(update=nobody) for group in measured.groups),
            "stability": None,
            "money": money.model_copy(update={"champion_curve": ()}) if money else None,
            "runtime": runtime.model_copy(update={"champion_p95_ms": None}) if runtime else None,
        }
    )


def judged_only(measured: Measurements) -> Measurements:
    """Return the measurements without what only people look at: the classical tests and the curves of money."""
    money = measured.money
    shorter = money.model_copy(update={"challenger_curve": (), "champion_curve": ()}) if money else None
    return measured.model_copy(update={"tests": (), "money": shorter})


def with_its_own(measured: Measurements, decision: Decision) -> Measurements:
    """Return what was measured again, beside what only the decision's own night could measure of its challenger.

    The champion's latency is not taken over: it was that of the champion of then.
    """
    then = without_champion(decision.measurements)
    own = {name: getattr(then, name) for name in ("leakage", "runtime", "behaviour", "labels")}
    return measured.model_copy(update=own)


GONE = (ObjectMissingError, ChecksumMismatchError, ModelUntrustedError, EvaluationError)


class Comparison(Receipt):
    """Say what one model says on the holdout of a decision, by the metrics as they are declared.

    Attributes:
        values: Every metric; empty when the model could not be scored.
        interval: Of the primary metric, at 95 %.
        baseline: Every metric of what the model's train part would answer without features.
        measurements: What the gates look at beside the metrics: of a champion, beside the decision's challenger.
        not_scored: Why there are no values; empty when there are.
    """

    values: dict[str, float] = {}
    interval: tuple[float, float] | None = None
    baseline: dict[str, float] = {}
    measurements: Measurements = Measurements()
    not_scored: str = ""


@dataclass(frozen=True)
class _Loaded:
    model: LoadedModel
    record: TrainingRecord


class MeasurementCache:
    """Look up what models say on holdouts: in the decisions, in the store, and only then by scoring."""

    def __init__(self, store: ObjectStore, project: Project) -> None:
        self._store = store
        self._project = project
        self._metrics = measured_metrics(project)
        self._measured_by = measurement_fingerprint(project)
        self._looks_beside = looks_beside(project)
        # the champion is asked for night after night, a night's challenger and rows twice at most
        self._models: dict[str, _Loaded] = {}
        self._rows: dict[str, pd.DataFrame] = {}

    def of_challenger(self, decision: Decision, *, alone: bool) -> Comparison:
        """Return what the decision's challenger, and its baseline, say on its holdout.

        Args:
            alone: Whether gates are judged on it without a champion, so that its measurements are needed.
        """
        challenger = decision.challenger
        whole = self._is_whole(decision, challenger) and decision.baseline.keys() >= set(self._metrics)
        proved = not self._looks_beside and proves_alone(self._project, decision.measurements)
        if whole and (not alone or proved or self._measured_alike(decision)):
            return Comparison(
                values=challenger.holdout,
                interval=challenger.interval,
                baseline=dict(decision.baseline),
                measurements=without_champion(decision.measurements),
            )
        return self._measured(challenger, decision)

    def of_champion(self, champion: ModelSummary, decision: Decision) -> Comparison:
        """Return what another model, champion by then, says on the decision's holdout, beside the challenger."""
        known = decision.champion
        same = known is not None and known.candidate_id == champion.candidate_id
        if known and same and self._measured_alike(decision) and self._is_whole(decision, known):
            return Comparison(values=known.holdout, interval=known.interval, measurements=decision.measurements)
        found = self._measured(champion, decision, rival=True)
        own, runtime = found.measurements, decision.measurements.runtime
        return found.model_copy(update={"measurements": own.model_copy(update={"runtime": runtime})}) if same else found

    def _measured_alike(self, decision: Decision) -> bool:
        return decision.measured_by == self._measured_by

    def _is_whole(self, decision: Decision, model: ModelSummary) -> bool:
        same_primary = decision.primary_metric == self._project.metrics.primary
        return same_primary and model.holdout.keys() >= set(self._metrics)

    def _measured(self, model: ModelSummary, decision: Decision, *, rival: bool = False) -> Comparison:
        """Return what is measured again, with what only the decision's own night could measure."""
        found = self._stored(model, decision, rival=rival)
        return found.model_copy(update={"measurements": with_its_own(found.measurements, decision)})

    def _stored(self, model: ModelSummary, decision: Decision, *, rival: bool) -> Comparison:
        """Return the stored comparison, made now when there is none; what is gone is said and not stored."""
        if not decision.holdout_data:
            return Comparison(not_scored=f"decision {decision.decision_id} does not name the rows of its holdout")
        key = keys.comparison(self._project.name, self._id(model, decision, rival=rival))
        stored = read_receipt(self._store, key, Comparison)
        if stored is not None:
            return stored
        try:
            made = self._measure(model, decision, rival=rival)
        except GONE as error:
            return Comparison(not_scored=str(error))
        return keep_first(self._store, key, made)

    def _id(self, model: ModelSummary, decision: Decision, *, rival: bool) -> str:
        """Return a hash of what is measured: of the models, the rows, how they are looked at and by which code."""
        return fingerprint_of(
            {
                "candidate": model.candidate_id,
                "challenger": decision.challenger.candidate_id if rival else None,
                "rows": [[each.day.isoformat(), each.sha256] for each in decision.holdout_data],
                "metrics": sorted(self._metrics),
                "primary": self._project.metrics.primary,
                "target": self._project.target.name,
                "seed": self._project.seed,
                "beside": self._measured_by,
                "code": decision_code(),
            }
        )

    def _measure(self, model: ModelSummary, decision: Decision, *, rival: bool) -> Comparison:
        frame = self._frame(decision)
        loaded = self._load(model)
        missing = why_not_scored(loaded.model, frame)
        if missing:
            return Comparison(not_scored=missing)
        span = f"{decision.holdout.first} to {decision.holdout.last}"
        where = f"holdout of {self._project.name}, {span}, {model.candidate_id}"
        found = measure_model(self._project, frame, loaded.model, where)
        measured = Answered(loaded.model, found.scores)
        if rival:
            ours = self._challenger_scores(decision, frame)
            if isinstance(ours, str):
                return Comparison(not_scored=ours)
            prior = self._load(decision.challenger).record.positive_rate
            scored, baseline = scored_rows(self._project, frame, ours, measured, prior), {}
        else:
            scored = scored_rows(self._project, frame, measured, None, loaded.record.positive_rate)
            baseline = measure_baseline(self._project, frame, loaded.record.positive_rate, where)
        return Comparison(
            values=found.values,
            interval=found.interval,
            baseline=baseline,
            measurements=judged_only(measure_beside(self._project, frame, scored)),
        )

    def _challenger_scores(self, decision: Decision, frame: pd.DataFrame) -> Answered | str:
        """Return the challenger with its scores, its metrics being known; or why it has none on these rows."""
        challenger = self._load(decision.challenger).model
        missing = why_not_scored(challenger, frame)
        return f"the challenger: {missing}" if missing else Answered(challenger, challenger.score(frame))

    def _frame(self, decision: Decision) -> pd.DataFrame:
        if decision.decision_id not in self._rows:
            self._rows = {decision.decision_id: read_rows(self._store, self._project, decision.holdout_data)}
        return self._rows[decision.decision_id]

    def _load(self, model: ModelSummary) -> _Loaded:
        if model.candidate_id not in self._models:
            newest = list(self._models.items())[-1:]
            self._models = {**dict(newest), model.candidate_id: self._read_model(model)}
        return self._models[model.candidate_id]

    def _read_model(self, model: ModelSummary) -> _Loaded:
        """Return the trained candidate, or its release, which outlives it."""
        try:
            _, loaded, record = read_candidate(self._store, self._project.name, model.candidate_id)
        except ObjectMissingError:
            release = read_manifest(self._store, keys.release_file(self._project.name, model.version, MANIFEST))
            if release is None or release.fingerprint != model.candidate_id:
                raise
            record = read_record(self._store, release)
            loaded = load_with(self._store, release, record)
        return _Loaded(loaded, record)
