from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from include.config.gates import Evidence, FairnessGate, Gate, SliceGate
from include.config.gates_in_force import gates_in_force, judge_all
from include.config.project import Project
from include.domain.evidence import BehaviourCheck, Measurements, Runtime
from tests.support.model_nights import make_project

_GATE: TypeAdapter[Any] = TypeAdapter(Gate)


def _gate(kind: str, metric: str = "roc_auc", **fields: Any) -> Any:
    return _GATE.validate_python({"kind": kind, "metric": metric, **fields})


def _judge(gate: Any, value: float, baseline: float = 0.5, champion: float | None = None) -> Any:
    rival = None if champion is None else {gate.metric: champion}
    (found,) = gate.judge(Evidence({gate.metric: value}, {gate.metric: baseline}, rival))
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


ALWAYS = ("holdout", "beats_baseline", "better_than_champion")
IN_FORCE = [
    "holdout",
    "beats_baseline",
    "better_than_champion",
    "leak_alarm",
    "leakage",
    "labels",
    "calibration",
    "stability",
    "serves",
    "latency",
    "memory",
    "size",
]


def _project(folder: Path, *gates: dict[str, Any], **declared: Any) -> Project:
    return make_project(folder, gates=[*gates] or [{"kind": "minimum", "metric": "roc_auc", "value": 0.6}], **declared)


def _kinds(project: Project) -> list[str]:
    return [gate.kind for gate in gates_in_force(project)]


def test_every_family_is_in_force_in_a_project_that_declares_one_gate(tmp_path: Path) -> None:
    project = _project(tmp_path)
    assert _kinds(project) == ["minimum", *IN_FORCE]
    assert {getattr(gate, "metric", "roc_auc") for gate in gates_in_force(project)} == {"roc_auc"}


def test_the_rest_is_in_force_wherever_there_is_something_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "behaviour.py").write_text("")
    worth = {"currency": "EUR", "true_positive": 4, "false_positive": -1}
    project = _project(
        tmp_path, protected=["age", "sex"], slices=["city"], value=worth, threshold={"objective": "value"}
    )
    assert _kinds(project) == ["minimum", *IN_FORCE, "slice", "fairness", "fairness", "value", "behaviour"]
    slices, *fairness = [gate for gate in gates_in_force(project) if isinstance(gate, SliceGate | FairnessGate)]
    assert slices.by == ()
    assert [gate.by for gate in fairness] == [("age",), ("sex",)]


@pytest.mark.parametrize(
    ("declared", "slices", "fairness"),
    [
        ([], [()], [("age",), ("sex",)]),
        ([{"kind": "slice", "metric": "roc_auc", "by": ["age"]}], [("age",), ("sex", "city")], [("age",), ("sex",)]),
        ([{"kind": "slice", "metric": "log_loss"}], [(), ()], [("age",), ("sex",)]),
        ([{"kind": "fairness", "by": ["sex"], "max_equalized_odds_difference": 0.1}], [()], [("sex",), ("age",)]),
        ([{"kind": "fairness", "max_equalized_odds_difference": 0.1}], [()], [()]),
        ([{"kind": "slice", "metric": "roc_auc", "off": True, "because": "too few"}], [], [("age",), ("sex",)]),
    ],
)
def test_groups_that_no_declaration_names_are_looked_at_all_the_same(
    tmp_path: Path, declared: list[dict[str, Any]], slices: list[Any], fairness: list[Any]
) -> None:
    gates = gates_in_force(_project(tmp_path, *declared, protected=["age", "sex"], slices=["city"]))
    assert [gate.by for gate in gates if isinstance(gate, SliceGate)] == slices
    assert [gate.by for gate in gates if isinstance(gate, FairnessGate)] == fairness


@pytest.mark.parametrize("kind", [kind for kind in IN_FORCE if kind not in ALWAYS])
def test_a_declaration_switches_a_family_off_and_says_why(tmp_path: Path, kind: str) -> None:
    gate = {"kind": kind, "off": True, "because": "a shop sells tea"}
    project = _project(tmp_path, {**gate, "metric": "roc_auc"} if kind == "leak_alarm" else gate)
    assert kind not in _kinds(project)
    assert {*_kinds(project), kind} == set(IN_FORCE)
    told = [each for each in judge_all(project, Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5})) if each.kind == kind]
    assert [(each.outcome, each.judged, each.because) for each in told] == [("off", False, "a shop sells tea")]
    # whatever prints a gate prints its note
    assert told[0].note == "declared because: a shop sells tea"


@pytest.mark.parametrize("kind", [*ALWAYS, "minimum"])
def test_what_proves_a_model_cannot_be_switched_off(kind: str) -> None:
    with pytest.raises(ValidationError, match="off"):
        _gate(kind, value=0.6, off=True, because="it is slow")


@pytest.mark.parametrize("because", [{}, {"because": ""}, {"because": "  "}])
def test_switching_off_needs_a_reason(because: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="a gate that is switched off needs a reason"):
        _GATE.validate_python({"kind": "serves", "off": True, **because})


def test_a_declaration_changes_a_bound_and_may_say_why(tmp_path: Path) -> None:
    project = _project(tmp_path, {"kind": "size", "max_mb": 5, "because": "it is sent to phones"})
    assert sorted(_kinds(project)) == sorted(IN_FORCE)
    runtime = Runtime(size_mb=6.0)
    evidence = Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5}, measurements=Measurements(runtime=runtime))
    (size,) = [each for each in judge_all(project, evidence) if each.kind == "size"]
    assert (size.outcome, size.threshold, size.because) == ("failed", "<= 5", "it is sent to phones")


def test_measured_tests_of_behaviour_are_judged_without_a_declaration(tmp_path: Path) -> None:
    (tmp_path / "behaviour.py").write_text("")
    check = BehaviourCheck(name="longer is later", kind="directional", rows=10, held=0.5, needed=0.9, passed=False)
    evidence = Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5}, measurements=Measurements(behaviour=(check,)))
    for declared in ([], [{"kind": "behaviour"}]):
        results = judge_all(_project(tmp_path, *declared), evidence)
        assert [(each.kind, each.passed) for each in results if each.kind == "behaviour"] == [("behaviour", False)]


def test_a_score_that_is_too_good_is_a_leak_without_a_declaration() -> None:
    assert _judge(_gate("leak_alarm"), 0.995).outcome == "passed"
    assert _judge(_gate("leak_alarm"), 1.0).outcome == "failed"
    assert _judge(_gate("leak_alarm", "log_loss"), 0.019).outcome == "failed"
    assert _judge(_gate("leak_alarm", "log_loss"), 0.02).outcome == "passed"
