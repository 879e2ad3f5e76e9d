"""Measure challenger, champion and baseline on the same rows of the holdout."""

from __future__ import annotations

from dataclasses import dataclass

from include.config.evidence import Measurements
from include.io.ledger import Ledger
from include.ml.gates import Evidence
from include.stages.behaviour_measurements import measure_behaviour
from include.stages.contest import Contest
from include.stages.holdout import measure_baseline, measure_scores, no_champion
from include.stages.label_measurements import measure_labels
from include.stages.leakage_measurements import measure_leakage
from include.stages.measurements import measure_beside
from include.stages.release_probe import probe_release


@dataclass(frozen=True)
class Measured:
    """Hold what the holdout says.

    Attributes:
        evidence: Every metric of each model, and what was measured beside them.
        interval: Of the challenger's primary metric, at 95 %; None when the holdout is too short for one.
        champion_interval: The same of the champion, on the same draws of days.
    """

    evidence: Evidence
    interval: tuple[float, float] | None = None
    champion_interval: tuple[float, float] | None = None


def measure_all(contest: Contest, ledger: Ledger) -> Measured:
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
    evidence = Evidence(
        challenger=ours.values,
        baseline=measure_baseline(project, frame, contest.challenger.record.positive_rate, f"{where}, baseline"),
        champion=theirs.values if theirs else None,
        no_champion=no_champion(contest.not_scored),
        champion_version=contest.champion.entry.version if contest.champion else "",
        measurements=_measurements(contest, ledger),
    )
    return Measured(evidence, ours.interval, theirs.interval if theirs else None)


def _measurements(contest: Contest, ledger: Ledger) -> Measurements:
    """Return what is measured beside the metrics: from the answers, and of the challenger itself."""
    project, frame, scored, model = contest.project, contest.holdout.frame, contest.scored, contest.challenger.model
    assert model is not None, "a challenger that answers was read"
    alone = {
        "leakage": measure_leakage(project, contest.learnt, frame, ledger, contest.inputs.as_of),
        "behaviour": measure_behaviour(project, frame, model),
        "labels": measure_labels(project, contest.challenger.record.data, contest.holdout),
        "runtime": probe_release(project, model, contest.rival, frame, scored.challenger),
    }
    return measure_beside(project, frame, scored).model_copy(update=alone)
