from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import TypeAdapter

from include.config.evidence import BehaviourCheck, Measurements
from include.config.gates import Gate
from include.ml.gates import Evidence, gates_in_force, judge, judge_all

_GATE: TypeAdapter[Any] = TypeAdapter(Gate)


def _gate(kind: str, metric: str = "roc_auc", **fields: float) -> Any:
    return _GATE.validate_python({"kind": kind, "metric": metric, **fields})


def _judge(gate: Any, value: float, baseline: float = 0.5, champion: float | None = None) -> Any:
    rival = None if champion is None else {gate.metric: champion}
    (found,) = judge(gate, Evidence({gate.metric: value}, {gate.metric: baseline}, rival))
    return found


TABLE = [
    # gate, challenger, baseline, champion -> threshold, reference, passed
    (_gate("minimum", value=0.6), 0.6, 0.5, None, ">= 0.6", None, True),
    (_gate("minimum", value=0.6), 0.5999, 0.5, None, ">= 0.6", None, False),
    (_gate("maximum", "brier_score", value=0.2), 0.2, 0.5, None, "<= 0.2", None, True),
    (_gate("maximum", "brier_score", value=0.2), 0.2001, 0.5, None, "<= 0.2", None, False),
    (_gate("leak_alarm", above=0.85), 0.85, 0.5, None, "<= 0.85", None, True),
    (_gate("leak_alarm", above=0.85), 0.8501, 0.5, None, "<= 0.85", None, False),
    (_gate("leak_alarm", "log_loss", above=0.1), 0.1, 0.5, None, ">= 0.1", None, True),
    (_gate("leak_alarm", "log_loss", above=0.1), 0.05, 0.5, None, ">= 0.1", None, False),
]


@pytest.mark.parametrize(("gate", "value", "baseline", "champion", "threshold", "reference", "passed"), TABLE)
def test_each_gate_is_judged_as_declared(
    gate: Any,
    value: float,
    baseline: float,
    champion: float | None,
    threshold: str,
    reference: float | None,
    passed: bool,
) -> None:
    result = _judge(gate, value, baseline, champion)
    assert (result.kind, result.metric, result.value) == (gate.kind, gate.metric, value)
    assert (result.threshold, result.reference, result.passed) == (threshold, reference, passed)


@pytest.mark.parametrize("champion", [None, 0.7, math.nan])
@pytest.mark.parametrize(
    "gate", [*(row[0] for row in TABLE), _gate("better_than_champion"), _gate("not_worse_than_champion")]
)
def test_a_value_that_is_no_number_never_passes(gate: Any, champion: float | None) -> None:
    assert not _judge(gate, math.nan, 0.5, champion).passed


def test_a_leak_alarm_says_what_to_look_for() -> None:
    assert "not known at prediction time" in _judge(_gate("leak_alarm", above=0.85), 0.9).note


def test_three_gates_cannot_be_switched_off_only_declared_otherwise() -> None:
    declared = (_gate("minimum", value=0.6), _gate("beats_baseline", "log_loss"), _gate("better_than_champion", "f1"))
    added = gates_in_force(declared, "roc_auc")
    assert added[:3] == declared
    assert (added[3].min_rows, added[3].min_positives, added[3].min_negatives) == (50, 10, 10)
    assert [(gate.kind, gate.metric, gate.margin) for gate in added[4:]] == [
        ("beats_baseline", "roc_auc", 0.0),
        ("better_than_champion", "roc_auc", 0.0),
    ]
    assert {gate.confidence for gate in added[4:]} == {0.95}
    own = (
        _gate("better_than_champion", margin=0.01, confidence=0.99),
        _gate("beats_baseline", margin=0.05),
        _GATE.validate_python({"kind": "holdout", "min_rows": 20, "because": "a year has 20 rows"}),
    )
    assert gates_in_force(own, "roc_auc") == own


def test_measured_tests_of_behaviour_are_judged_without_a_declaration() -> None:
    check = BehaviourCheck(name="longer is later", kind="directional", rows=10, held=0.5, needed=0.9, passed=False)
    evidence = Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5}, measurements=Measurements(behaviour=(check,)))
    results = judge_all((_gate("minimum", value=0.6),), "roc_auc", evidence)
    assert [(each.kind, each.passed) for each in results if each.kind in ("minimum", "behaviour")] == [
        ("minimum", True),
        ("behaviour", False),
    ]
    declared = judge_all((_GATE.validate_python({"kind": "behaviour"}),), "roc_auc", evidence)
    assert [each.kind for each in declared].count("behaviour") == 1
