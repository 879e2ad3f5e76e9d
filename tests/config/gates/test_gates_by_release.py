"""Each gate of the release and of behaviour is judged from its numbers, and closed without them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from include.config.gates import Evidence, Gate
from include.domain.decision import GateResult
from include.domain.evidence import BehaviourCheck, Measurements, Runtime
from include.domain.promotion_rules import describe_failure

_GATE: TypeAdapter[Any] = TypeAdapter(Gate)
SERVED = Runtime(asked=True, rows=100, p50_ms=4, p95_ms=6, champion_p95_ms=3, memory_mb=20, size_mb=2)
BROKEN = Runtime(asked=True, error="the challenger does not load", size_mb=2)
NOT_ASKED = Runtime(size_mb=2)


def judged(
    runtime: Runtime | None, *, champion: bool = True, checks: tuple[BehaviourCheck, ...] | None = None, **gate: Any
) -> tuple[GateResult, ...]:
    values = {"roc_auc": 0.7} if champion else None
    evidence = Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5}, values, measurements=_measured(runtime, checks))
    return _GATE.validate_python(gate).judge(evidence)


def _measured(runtime: Runtime | None, checks: tuple[BehaviourCheck, ...] | None) -> Measurements:
    return Measurements(runtime=runtime, behaviour=checks)


TABLE = [
    # gate -> demand, value, unit, passed
    ({"kind": "serves"}, ">= 1", 100, "rows", True),
    ({"kind": "latency", "max_p95_ms": 6}, "<= 6", 6, "ms", True),
    ({"kind": "latency", "max_p95_ms": 5.9}, "<= 5.9", 6, "ms", False),
    ({"kind": "memory", "max_mb": 20}, "<= 20", 20, "MB", True),
    ({"kind": "memory", "max_mb": 19.9}, "<= 19.9", 20, "MB", False),
    ({"kind": "size", "max_mb": 2}, "<= 2", 2, "MB", True),
    ({"kind": "size", "max_mb": 1.9}, "<= 1.9", 2, "MB", False),
]


@pytest.mark.parametrize(("gate", "demand", "value", "unit", "passed"), TABLE)
def test_a_release_is_held_to_each_bound(
    gate: dict[str, Any], demand: str, value: float, unit: str, passed: bool
) -> None:
    (found,) = judged(SERVED, **gate)
    assert (found.kind, found.threshold, found.value, found.unit) == (gate["kind"], demand, value, unit)
    assert (found.passed, found.on_failure) == (passed, "reject")


@pytest.mark.parametrize("runtime", [None, NOT_ASKED, BROKEN], ids=["nothing measured", "not asked", "broken"])
@pytest.mark.parametrize("gate", [row[0] for row in TABLE if row[0]["kind"] != "size"])
def test_what_was_not_measured_never_passes(runtime: Runtime | None, gate: dict[str, Any]) -> None:
    (found,) = judged(runtime, **gate)
    assert not found.passed
    assert found.note == (BROKEN.error if runtime is BROKEN else "the release was not tried")


def test_a_size_is_known_without_a_process() -> None:
    assert judged(NOT_ASKED, kind="size", max_mb=2)[0].passed
    assert judged(BROKEN, kind="size", max_mb=2)[0].passed
    assert not judged(None, kind="size", max_mb=2)[0].passed


def test_the_reason_says_why_a_release_does_not_serve() -> None:
    (found,) = judged(BROKEN, kind="serves")
    assert describe_failure(found) == "serves: answered 0 rows is not >= 1 (the challenger does not load)"


@pytest.mark.parametrize(("times", "passed"), [(2.0, True), (1.9, False)])
def test_both_bounds_of_a_latency_are_judged(times: float, passed: bool) -> None:
    absolute, relative = judged(SERVED, kind="latency", max_p95_ms=6, max_times_champion=times)
    assert (absolute.passed, absolute.reference) == (True, None)
    assert (relative.passed, relative.value, relative.reference) == (passed, 6, 3)
    assert relative.threshold == f"<= {times * 3:g}"


def test_without_a_champion_only_the_absolute_bound_of_a_latency_binds() -> None:
    alone = SERVED.model_copy(update={"champion_p95_ms": None})
    absolute, relative = judged(alone, champion=False, kind="latency", max_p95_ms=5, max_times_champion=2)
    assert (absolute.passed, relative.passed) == (False, True)
    assert (relative.outcome, relative.note) == ("not_applicable", "no champion as of this day")


def test_a_champion_that_could_not_be_clocked_closes_the_comparison() -> None:
    unknown = SERVED.model_copy(update={"champion_p95_ms": None})
    _, relative = judged(unknown, kind="latency", max_p95_ms=6, max_times_champion=2)
    assert (relative.passed, relative.note) == (False, "the champion could not be clocked")


def check(name: str, rows: int, held: float, passed: bool, example: str = "") -> BehaviourCheck:
    return BehaviourCheck(
        name=name, kind="directional", rows=rows, held=held, needed=0.9, passed=passed, example=example
    )


def test_each_test_of_behaviour_is_a_result_of_its_own() -> None:
    checks = (check("longer tenure", 50, 0.95, True), check("shorter contract", 40, 0.8, False, "score 0.3 became 0.2"))
    good, bad = judged(None, checks=checks, kind="behaviour")
    assert (good.metric, good.value, good.threshold, good.passed) == ("longer tenure", 0.95, ">= 0.9", True)
    assert describe_failure(bad) == "behaviour: shorter contract 0.8 is not >= 0.9 (score 0.3 became 0.2)"


def test_a_test_of_behaviour_that_concerns_no_row_proves_nothing() -> None:
    (found,) = judged(None, checks=(check("longer tenure", 0, 0.0, False, "no row was changed"),), kind="behaviour")
    assert describe_failure(found) == (
        "behaviour: longer tenure is not known, and >= 0.9 is demanded (no row was changed)"
    )


@pytest.mark.parametrize("checks", [None, ()])
def test_behaviour_that_was_not_tested_never_passes(checks: tuple[BehaviourCheck, ...] | None) -> None:
    (found,) = judged(None, checks=checks, kind="behaviour")
    assert (found.passed, found.note) == (False, "no test of behaviour was measured")
