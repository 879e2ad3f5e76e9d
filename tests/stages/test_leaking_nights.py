"""A night whose score jumps above the nights before is rejected, and does not become what is ordinary."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from include.domain.errors import CandidateRejectedError
from include.io.ledger import Ledger, read_decision
from tests.support.model_nights import DAYS, FIRST, Nights, make_project, make_rows
from tests.support.tracking import copy_prepared

LAST = FIRST + timedelta(days=23)
GATES = [{"kind": "leakage", "max_single_feature_auc": 0.98, "max_jump": 0.1}]
LINEAR = [{"name": "linear", "estimator": "logistic_regression"}]
HONEST, LEAKING = 0.5, 4.0


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    """Return three honest nights, then days whose features tell nearly all."""
    folder = tmp_path_factory.mktemp("leaking")
    copy_prepared(prepared_tracking, folder)
    nights = Nights(folder, make_project(folder, candidates=LINEAR, gates=GATES), strength=HONEST)
    for back in (3, 2, 1):
        nights.night(LAST - timedelta(days=back))
    for back in range(DAYS):
        day = LAST - timedelta(days=back)
        nights.write_day(day, make_rows(day, strength=LEAKING))
    return nights


def test_the_ledger_keeps_what_each_night_was_worth(nights: Nights) -> None:
    for entry in Ledger(nights.store, "parcels").entries()[:4]:
        decision = read_decision(nights.store, "parcels", entry.decision_id)
        assert (entry.metric, entry.value) == ("roc_auc", decision.challenger.holdout["roc_auc"])


def test_a_jump_is_rejected_again_and_again_until_somebody_explains_it(nights: Nights) -> None:
    before = Ledger(nights.store, "parcels").entries()
    honest = max(entry.value for entry in before if entry.kind == "decision" and entry.value is not None)
    for run in ("first", "again"):
        with pytest.raises(CandidateRejectedError, match="a jump like this is a leak until somebody has explained it"):
            nights.night(LAST, run)
        newest = Ledger(nights.store, "parcels").newest(1)[0]
        decision = read_decision(nights.store, "parcels", newest.decision_id)
        failed = [gate for gate in decision.gates if not gate.passed]
        assert [(gate.kind, gate.metric, gate.reference) for gate in failed] == [("leakage", "roc_auc", honest)]
        assert failed[0].value > honest + 0.1
        assert decision.measurements.leakage is not None
        assert decision.measurements.leakage.best_before == (honest, 3)

    nights.project = make_project(
        nights.folder, candidates=LINEAR, gates=[{"kind": "leakage", "max_single_feature_auc": 0.98, "max_jump": 0.5}]
    )
    assert nights.night(LAST, "explained").verdict == "PROMOTE"
