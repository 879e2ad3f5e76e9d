from __future__ import annotations

from typing import Any

import pytest

from include.config.gates import Evidence, ValueGate
from include.domain.evidence import Measurements, Money, OperatingPoint
from include.domain.promotion_rules import describe_failure


def _gate(**declared: Any) -> ValueGate:
    return ValueGate(kind="value", **declared)


def _point(earned: float | None) -> OperatingPoint:
    counts = {"true_positives": 1, "false_positives": 2, "false_negatives": 3, "true_negatives": 4}
    return OperatingPoint(threshold=0.3, objective="value on the train part", value_per_1000=earned, **counts)


def _evidence(ours: float | None, theirs: float | None = None, *, champion: bool = True, **money: Any) -> Evidence:
    counted = Money(**{"currency": "EUR", "always_the_same": 1000.0, "all_yes": True, "challenger_curve": (), **money})
    points = {"challenger": _point(ours)}
    if theirs is not None:
        points["champion"] = _point(theirs)
    measured = Measurements(points=points, money=counted)
    return Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5}, {"roc_auc": 0.7} if champion else None, measurements=measured)


TABLE = [
    # gate, what 1,000 rows earn -> threshold, passed
    (_gate(), 1000.5, "> 1000", True),
    (_gate(), 1000.0, "> 1000", False),
    (_gate(), -5.0, "> 1000", False),
    (_gate(min_gain=250.0), 1250.0, ">= 1250", True),
    (_gate(min_gain=250.0), 1249.9, ">= 1250", False),
]


@pytest.mark.parametrize(("gate", "earned", "threshold", "passed"), TABLE)
def test_acting_on_the_answers_must_earn_more_than_the_same_for_all(
    gate: ValueGate, earned: float, threshold: str, passed: bool
) -> None:
    (found,) = gate.judge(_evidence(earned))
    assert (found.kind, found.metric, found.unit, found.value) == ("value", "value_per_1000", "EUR", earned)
    assert (found.threshold, found.passed, found.reference, found.on_failure) == (threshold, passed, 1000.0, "reject")
    assert found.note == "yes to all earns 1000"


def test_no_to_all_may_be_the_better_answer() -> None:
    (found,) = _gate().judge(_evidence(-1.0, always_the_same=0.0, all_yes=False))
    assert not found.passed
    assert describe_failure(found) == "value: value_per_1000 -1 EUR is not > 0 (no to all earns 0)"


@pytest.mark.parametrize(
    ("max_loss", "ours", "theirs", "threshold", "passed"),
    [
        (0.0, 2000.0, 2000.0, ">= 2000", True),
        (0.0, 1999.0, 2000.0, ">= 2000", False),
        (500.0, 1500.0, 2000.0, ">= 1500", True),
        (500.0, 1499.0, 2000.0, ">= 1500", False),
    ],
)
def test_the_challenger_may_earn_only_so_much_less_than_the_champion(
    max_loss: float, ours: float, theirs: float, threshold: str, passed: bool
) -> None:
    gained, beside = _gate(max_loss=max_loss).judge(_evidence(ours, theirs))
    assert gained.passed
    assert (beside.threshold, beside.passed, beside.reference, beside.value) == (threshold, passed, theirs, ours)
    assert (beside.metric, beside.unit, beside.on_failure) == ("value_per_1000", "EUR", "reject")


def test_without_a_champion_only_the_gain_is_judged() -> None:
    gained, beside = _gate(max_loss=500.0).judge(_evidence(900.0, champion=False))
    assert (gained.passed, beside.passed) == (False, True)
    assert beside.outcome == "not_applicable"
    assert (beside.threshold, beside.note) == (">= champion - 500", "no champion as of this day")


def test_a_champion_whose_money_was_not_counted_lets_nothing_pass() -> None:
    _, beside = _gate(max_loss=0.0).judge(_evidence(5000.0, None))
    assert (beside.passed, beside.value, beside.note) == (False, None, "what the champion earns was not counted")


@pytest.mark.parametrize("evidence", [_evidence(None), Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5})])
@pytest.mark.parametrize("gate", [_gate(), _gate(min_gain=100.0, max_loss=5.0)])
def test_without_money_the_gate_stays_closed(gate: ValueGate, evidence: Evidence) -> None:
    (found,) = gate.judge(evidence)
    assert (found.passed, found.value, found.note) == (False, None, "no money was counted")
