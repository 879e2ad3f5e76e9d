from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import TypeAdapter

from include.config.gates import Gate
from include.ml.gates import Evidence, gates_in_force, judge

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
    (_gate("beats_baseline"), 0.5001, 0.5, None, "> 0.5", 0.5, True),
    (_gate("beats_baseline"), 0.5, 0.5, None, "> 0.5", 0.5, False),
    (_gate("beats_baseline", margin=0.25), 0.75, 0.5, None, "> 0.75", 0.5, False),
    (_gate("beats_baseline", margin=0.25), 0.7501, 0.5, None, "> 0.75", 0.5, True),
    (_gate("beats_baseline", "log_loss"), 0.6, 0.69, None, "< 0.69", 0.69, True),
    (_gate("beats_baseline", "log_loss"), 0.7, 0.69, None, "< 0.69", 0.69, False),
    (_gate("not_worse_than_champion"), 0.7, 0.5, 0.7, ">= 0.7", 0.7, True),
    (_gate("not_worse_than_champion"), 0.69, 0.5, 0.7, ">= 0.7", 0.7, False),
    (_gate("not_worse_than_champion", margin=0.25), 0.5, 0.5, 0.75, ">= 0.5", 0.75, True),
    (_gate("not_worse_than_champion", margin=0.25), 0.4999, 0.5, 0.75, ">= 0.5", 0.75, False),
    (_gate("not_worse_than_champion", "brier_score", margin=0.25), 0.5, 0.5, 0.25, "<= 0.5", 0.25, True),
    (_gate("not_worse_than_champion", "brier_score", margin=0.25), 0.51, 0.5, 0.25, "<= 0.5", 0.25, False),
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
@pytest.mark.parametrize("gate", [row[0] for row in TABLE])
def test_a_value_that_is_no_number_never_passes(gate: Any, champion: float | None) -> None:
    assert not _judge(gate, math.nan, 0.5, champion).passed


def test_a_champion_that_is_no_number_lets_nothing_pass() -> None:
    assert not _judge(_gate("not_worse_than_champion"), 0.9, 0.5, math.nan).passed


def test_without_a_champion_the_comparison_passes_and_says_why() -> None:
    result = _judge(_gate("not_worse_than_champion", margin=0.01), 0.7)
    assert (result.passed, result.note, result.threshold) == (True, "no champion as of this day", ">= champion - 0.01")
    evidence = Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5}, None, "champion not scored: no column tail")
    (found,) = judge(_gate("not_worse_than_champion"), evidence)
    assert found.note == "champion not scored: no column tail"


def test_a_leak_alarm_says_what_to_look_for() -> None:
    assert "not known at prediction time" in _judge(_gate("leak_alarm", above=0.85), 0.9).note


def test_the_baseline_gate_cannot_be_switched_off() -> None:
    declared = (_gate("minimum", value=0.6), _gate("beats_baseline", "log_loss"))
    added = gates_in_force(declared, "roc_auc")
    assert added[:2] == declared
    assert (added[2].kind, added[2].metric, added[2].margin) == ("beats_baseline", "roc_auc", 0.0)
    own = (_gate("beats_baseline", margin=0.05),)
    assert gates_in_force(own, "roc_auc") == own
