"""Measure challenger, champion and baseline on the same rows of the holdout, and name what was declared about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pandas as pd

from include.config.gates import (
    BeatsBaselineGate,
    BetterThanChampionGate,
    CalibrationGate,
    Evidence,
    FairnessGate,
    NotWorseThanChampionGate,
    SliceGate,
    ValueGate,
)
from include.config.gates_in_force import gates_in_force
from include.config.identity import fingerprint_of
from include.config.project import Project
from include.domain.evidence import (
    BaselineGain,
    Difference,
    HoldoutSize,
    Measurements,
    Money,
    OperatingPoint,
    PairedTest,
)
from include.domain.explanation import Explanation
from include.domain.metrics import MetricName
from include.io.ledger import Ledger
from include.ml import bootstrap
from include.ml.baseline import baseline_gains
from include.ml.business_value import money, operating_point
from include.ml.metrics import Predictions
from include.ml.paired_tests import delong, mcnemar
from include.stages.evaluate.context import EvaluationContext, measure_baseline, measure_scores, no_champion
from include.stages.evaluate.documents import explained
from include.stages.evaluate.gate_measurements import (
    measure_behaviour,
    measure_calibration,
    measure_fairness,
    measure_groups,
    measure_labels,
    measure_leakage,
    measure_stability,
)
from include.stages.evaluate.release_probe import probe_release


def measure_points(project: Project, scored: Predictions) -> dict[str, OperatingPoint]:
    """Return the answers at each model's own threshold, by role: "challenger" and, when it was scored, "champion"."""
    points = {
        "challenger": operating_point(
            scored.labels, scored.challenger, scored.challenger_threshold, scored.challenger_objective, project.value
        )
    }
    if scored.champion is not None:
        points["champion"] = operating_point(
            scored.labels, scored.champion, scored.champion_threshold, scored.champion_objective, project.value
        )
    return points


def measure_money(project: Project, scored: Predictions) -> Money | None:
    """Return what the answers earn, by threshold; None when the project does not say what outcomes are worth."""
    return None if project.value is None else money(scored, project.value)


def measure_beside(project: Project, frame: pd.DataFrame, scored: Predictions) -> Measurements:
    """Return what the holdout says beside its metrics.

    Args:
        frame: The holdout's rows, with target and protected columns.
        scored: Labels and scores of the same rows.
    """
    return Measurements(
        holdout=_size(scored),
        over_baseline=over_baseline(project, scored),
        differences=differences(project, scored),
        tests=_classical_tests(scored),
        points=measure_points(project, scored),
        calibration=measure_calibration(project, scored),
        groups=measure_groups(project, frame, scored),
        fairness=measure_fairness(project, frame, scored),
        stability=measure_stability(scored),
        money=measure_money(project, scored),
    )


def over_baseline(project: Project, scored: Predictions) -> tuple[BaselineGain, ...]:
    """Return how sure the challenger's gain over the best trivial answer is, as the gates in force ask for it."""
    asked: dict[MetricName, list[float]] = {project.metrics.primary: []}
    for gate in gates_in_force(project):
        if isinstance(gate, BeatsBaselineGate):
            asked.setdefault(gate.metric, []).append(gate.confidence)
    return tuple(found for metric, levels in asked.items() for found in baseline_gains(metric, scored, sorted(levels)))


def _size(scored: Predictions) -> HoldoutSize:
    labels = scored.labels
    return HoldoutSize(rows=len(labels), positives=int(labels.sum()), days=len(set(scored.days.astype(str))))


def differences(project: Project, scored: Predictions) -> tuple[Difference, ...]:
    """Return how sure the challenger's gain over the champion is, as the gates in force ask for it.

    There is one for each metric and confidence that a gate compares with the champion, those of the primary metric
    first. Without a champion there are none, and of a metric where the holdout does not tell.
    """
    asked: dict[MetricName, list[float]] = {project.metrics.primary: []}
    for gate in gates_in_force(project):
        if isinstance(gate, BetterThanChampionGate | NotWorseThanChampionGate):
            asked.setdefault(gate.metric, []).append(gate.confidence)
    return tuple(
        found
        for metric, levels in asked.items()
        for found in bootstrap.differences(metric, scored, sorted(set(levels)))
    )


def _classical_tests(scored: Predictions) -> tuple[PairedTest, ...]:
    if scored.champion is None:
        return ()
    areas = delong(scored.labels, scored.challenger, scored.champion)
    answers = mcnemar(
        scored.labels,
        scored.challenger,
        scored.champion,
        scored.challenger_threshold,
        scored.champion_threshold,
    )
    return (areas, answers) if areas else (answers,)


@dataclass(frozen=True)
class Measured:
    """Hold what the holdout says.

    Attributes:
        evidence: Every metric of each model, and what was measured beside them.
        interval: Of the challenger's primary metric, at 95 %; None when the holdout is too short for one.
        champion_interval: The same of the champion, on the same draws of days.
        explanation: What people read beside the numbers; None of a challenger that does not answer.
    """

    evidence: Evidence
    interval: tuple[float, float] | None = None
    champion_interval: tuple[float, float] | None = None
    explanation: Explanation | None = None


def measure_all(contest: EvaluationContext, ledger: Ledger) -> Measured:
    """Measure what the gates look at, and what people want to know beside it.

    Args:
        contest: Of a challenger that answers.
        ledger: Says what the nights before were worth.

    Raises:
        EvaluationError: The holdout holds one class only, or the champion's scores are no probabilities.
    """
    scored = contest.scored
    project, frame, where = contest.project, contest.holdout.frame, contest.where
    ours = measure_scores(project, frame, scored.challenger, f"{where}, challenger", scored.challenger_threshold)
    theirs = None
    if contest.champion is not None and scored.champion is not None:
        role = f"{where}, champion {contest.champion.entry.version}"
        theirs = measure_scores(project, frame, scored.champion, role, scored.champion_threshold)
    measurements, explanation = _measurements(contest, ledger)
    evidence = Evidence(
        challenger=ours.values,
        baseline=measure_baseline(project, frame, contest.challenger.record.positive_rate, f"{where}, baseline"),
        champion=theirs.values if theirs else None,
        no_champion=no_champion(contest.not_scored),
        champion_version=contest.champion.entry.version if contest.champion else "",
        measurements=measurements,
    )
    return Measured(evidence, ours.interval, theirs.interval if theirs else None, explanation)


def _measurements(contest: EvaluationContext, ledger: Ledger) -> tuple[Measurements, Explanation]:
    """Return what is measured beside the metrics, from the answers and of the challenger itself, and what explains it.

    The release answers in a process of its own: what is known without it is made meanwhile.
    """
    project, frame, scored, model = contest.project, contest.holdout.frame, contest.scored, contest.challenger.model
    assert model is not None, "a challenger that answers was read"
    with ThreadPoolExecutor(1) as waiting:
        runtime = waiting.submit(probe_release, project, model, contest.rival, frame, scored.challenger)
        alone = {
            "leakage": measure_leakage(project, contest.learnt, frame, ledger, contest.inputs.as_of),
            "behaviour": measure_behaviour(project, frame, model),
            "labels": measure_labels(project, contest.challenger.record.data, contest.holdout),
        }
        beside, explanation = measure_beside(project, frame, scored), explained(contest)
        return beside.model_copy(update={**alone, "runtime": runtime.result()}), explanation


# of a gate, what it demands of the numbers, and not how they are measured
BOUNDS = frozenset(
    {
        "because",
        "margin",
        "max_demographic_parity_difference",
        "max_ece",
        "max_equalized_odds_difference",
        "max_loss",
        "min_gain",
    }
)
_BESIDE = (SliceGate, FairnessGate, CalibrationGate, ValueGate)
_COMPARED = (BeatsBaselineGate, BetterThanChampionGate, NotWorseThanChampionGate)


def measurement_fingerprint(project: Project) -> str:
    """Return a hash of what is declared about measuring models beside their metrics.

    It covers what can be measured again on the rows of a decision; what the release and the nights before said cannot.
    """
    gates = [
        gate.model_dump(mode="json", exclude=set(BOUNDS))
        for gate in gates_in_force(project)
        if isinstance(gate, (*_BESIDE, *_COMPARED))
    ]
    return fingerprint_of(
        {
            "gates": sorted(gates, key=_place),
            "groups": project.relevant("protected", "slices") if _declares(project, SliceGate, FairnessGate) else None,
            "value": project.relevant("value") if _declares(project, ValueGate) else None,
            "target": project.target.name,
            "seed": project.seed,
        }
    )


def _place(gate: dict[str, Any]) -> tuple[bool, str, str, str, str]:
    """Return where a gate stands among others, wherever its class declares a field: stored hashes are of this order."""
    by, rest = repr(gate.get("by")), repr(sorted(gate.items()))
    return "off" in gate, gate["kind"], gate.get("metric", ""), by, rest


def looks_beside(project: Project) -> bool:
    """Tell whether a gate looks at what is measured of the challenger beside its metrics, champion or none."""
    return _declares(project, *_BESIDE)


def proves_alone(project: Project, measured: Measurements) -> bool:
    """Tell whether the measurements hold what is asked of every challenger, champion or none.

    Decisions of before it was asked do not.
    """
    asked = [gate for gate in gates_in_force(project) if isinstance(gate, BeatsBaselineGate)]
    return measured.holdout is not None and all(measured.baseline_gain(gate.metric, gate.confidence) for gate in asked)


def _declares(project: Project, *kinds: type) -> bool:
    return any(isinstance(gate, kinds) for gate in gates_in_force(project))
