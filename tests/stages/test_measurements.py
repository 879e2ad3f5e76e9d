"""What is measured beside the metrics is in the decision, for the rows of its holdout."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from include.io.feature_rows import read_rows
from include.io.ledger import read_decision
from include.io.models import read_candidate
from include.ml.paired_tests import delong
from tests.support.model_nights import FIRST, NO_PROCESS, Nights, make_project
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
WEAK = [{"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
STRONG = [{"name": "linear", "estimator": "logistic_regression"}]
LAX = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    """Return two nights: a weak champion, and a challenger that is proved better."""
    folder = tmp_path_factory.mktemp("shown")
    copy_prepared(prepared_tracking, folder)
    nights = Nights(folder, make_project(folder, candidates=WEAK, gates=LAX))
    nights.night(AS_OF)
    nights.project = make_project(folder, candidates=STRONG, gates=LAX)
    return nights


def test_the_decision_holds_both_models_on_the_same_rows(nights: Nights) -> None:
    evaluated = nights.evaluate(AS_OF + timedelta(days=1))
    decision = read_decision(nights.store, "parcels", evaluated.decision_id)
    assert decision.verdict == "PROMOTE"
    assert decision.champion is not None
    gain = decision.challenger.holdout["roc_auc"] - decision.champion.holdout["roc_auc"]
    measured = decision.measurements
    (gained,) = measured.differences
    assert gained.value == pytest.approx(gain)
    assert gained.lower > 0
    rows = read_rows(nights.store, nights.project, decision.holdout_data)
    ours, theirs = (
        read_candidate(nights.store, "parcels", model.candidate_id)[1].score(rows)
        for model in (decision.challenger, decision.champion)
    )
    areas, answers = measured.tests
    assert areas == delong(rows["late"].to_numpy(), ours, theirs)
    assert answers.name == "McNemar"
    assert set(measured.calibration) == {"challenger", "champion"}
    assert sum(each.rows for each in measured.calibration["champion"].bins) == decision.holdout_rows
    assert measured.stability is not None
    assert measured.stability.challenger_mean == pytest.approx(ours.mean())
    assert measured.stability.champion_mean == pytest.approx(theirs.mean())
    assert measured.fairness == ()


def test_a_first_model_is_compared_with_nobody(nights: Nights, tmp_path: Path, prepared_tracking: Path) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    alone = Nights(tmp_path, make_project(tmp_path, candidates=STRONG, gates=LAX))
    decision = read_decision(alone.store, "parcels", alone.evaluate(AS_OF).decision_id)
    measured = decision.measurements
    assert (measured.differences, measured.tests, measured.stability) == ((), (), None)
    assert set(measured.calibration) == {"challenger"}


def test_a_gain_that_chance_may_have_made_is_a_hold(nights: Nights, tmp_path: Path, prepared_tracking: Path) -> None:
    """Two models that differ in a detail only: one has a gain, and no proof of it, whichever of them it is."""
    copy_prepared(prepared_tracking, tmp_path)
    details = [[{**STRONG[0], "params": {"C": value}}] for value in (0.05, 0.06)]
    reasons = []
    for number, (first, second) in enumerate((details, details[::-1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        copy_prepared(prepared_tracking, folder)
        pair = Nights(folder, make_project(folder, candidates=first, gates=LAX))
        pair.night(AS_OF)
        pair.project = make_project(folder, candidates=second, gates=LAX)
        evaluated = pair.evaluate(AS_OF + timedelta(days=1))
        assert evaluated.verdict == "HOLD"
        reasons.append(evaluated.reason)
    assert all(
        reason.startswith(("better than champion 1, but not proved: roc_auc gains ", "not better", "a tie"))
        for reason in reasons
    )
