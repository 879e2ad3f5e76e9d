from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from include.domain.errors import CandidateRejectedError
from include.io.ledger import Ledger, read_decision
from include.io.models import read_candidate
from include.ml.metrics import Predictions
from include.operations.cached_measurements import MeasurementCache
from include.stages.evaluate.measurements import measure_money, measure_points
from tests.support.model_nights import FIRST, Nights, make_project
from tests.support.tracking import copy_prepared

LABELS = np.array([1, 1, 0, 0, 0])
SCORES = np.array([0.9, 0.4, 0.6, 0.2, 0.1])
WORTH = {"currency": "EUR", "true_positive": 10.0, "false_positive": -2.0, "false_negative": -1.0}


def _scored(**changes: Any) -> Predictions:
    return Predictions(LABELS, np.repeat("2013-04-01", 5), SCORES, **changes)


def test_each_model_answers_at_its_own_threshold(tmp_path: Path) -> None:
    scored = _scored(
        champion=SCORES,
        challenger_threshold=0.3,
        champion_threshold=0.7,
        challenger_objective="value on the train part",
    )
    points = measure_points(make_project(tmp_path, value=WORTH), scored)
    ours, theirs = points["challenger"], points["champion"]
    assert (ours.true_positives, ours.false_positives, ours.false_negatives, ours.true_negatives) == (2, 1, 0, 2)
    assert (theirs.true_positives, theirs.false_positives, theirs.false_negatives, theirs.true_negatives) == (
        1, 0, 1, 3,
    )  # fmt: skip
    assert (ours.value_per_1000, theirs.value_per_1000) == (pytest.approx(3600.0), pytest.approx(1800.0))
    assert (ours.objective, theirs.objective) == ("value on the train part", "fixed")


def test_without_a_champion_or_money_only_the_challengers_answers_are_counted(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    points = measure_points(project, _scored())
    assert list(points) == ["challenger"]
    assert points["challenger"].value_per_1000 is None
    assert measure_money(project, _scored()) is None


def test_money_is_counted_where_it_is_declared(tmp_path: Path) -> None:
    found = measure_money(make_project(tmp_path, value=WORTH), _scored(challenger_threshold=0.35))
    assert found is not None
    # yes to all: 2 * 10 - 3 * 2 = 14 for five rows; no to all: -2
    assert (found.currency, found.always_the_same, found.all_yes) == ("EUR", pytest.approx(2800.0), True)
    assert dict(found.challenger_curve)[0.35] == pytest.approx(3600.0)


def test_a_night_counts_money_at_thresholds_chosen_before_its_holdout_and_judges_by_it(
    tmp_path: Path, prepared_tracking: Path
) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    day = FIRST + timedelta(days=20)
    declared: dict[str, Any] = {
        "candidates": [{"name": "linear", "estimator": "logistic_regression"}],
        "value": WORTH,
    }
    nights = Nights(tmp_path, make_project(tmp_path, **declared))
    assert nights.night(day).verdict == "PROMOTE"
    by_money = {**declared, "threshold": {"objective": "value"}, "gates": [{"kind": "value", "max_loss": 100.0}]}
    nights.project = make_project(tmp_path, **by_money)
    nights.night(day + timedelta(days=1))
    ledger = Ledger(nights.store, "parcels")
    decision = read_decision(nights.store, "parcels", ledger.entries()[-1].decision_id)
    _, model, _ = read_candidate(nights.store, "parcels", decision.challenger.candidate_id)
    ours, theirs = decision.measurements.points["challenger"], decision.measurements.points["champion"]
    assert (ours.threshold, ours.objective) == (model.threshold, "value on the train part")
    assert (theirs.threshold, theirs.objective) == (0.5, "fixed")
    assert ours.threshold < theirs.threshold
    gained, beside = (gate for gate in decision.gates if gate.kind == "value")
    assert gained.passed and beside.passed
    assert gained.value == beside.value == ours.value_per_1000
    assert beside.reference == theirs.value_per_1000
    assert decision.measurements.money is not None
    assert gained.reference == decision.measurements.money.always_the_same

    nights.project = make_project(tmp_path, **{**declared, "gates": [{"kind": "value", "min_gain": 9000.0}]})
    with pytest.raises(CandidateRejectedError, match=r"value: value_per_1000 \d+\.?\d* EUR is not >= \d+"):
        nights.night(day + timedelta(days=2))


def test_rows_scored_again_are_answered_as_each_model_was_made_to(tmp_path: Path, prepared_tracking: Path) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    day = FIRST + timedelta(days=20)
    declared = {"value": WORTH, "threshold": {"objective": "value"}}
    nights = Nights(tmp_path, make_project(tmp_path, **declared))
    evaluated = nights.evaluate(day)
    decision = read_decision(nights.store, "parcels", evaluated.decision_id)
    found = MeasurementCache(nights.store, nights.project).of_champion(decision.challenger, decision)
    ours, theirs = found.measurements.points["challenger"], found.measurements.points["champion"]
    assert ours == theirs == decision.measurements.points["challenger"]
    assert ours.objective == "value on the train part"
