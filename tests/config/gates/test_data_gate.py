"""The leakage gate gives a result for each bound, names what it found, and is closed without numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from include.config.gates import Evidence, LeakageGate
from include.domain.decision import GateResult
from include.domain.evidence import Leakage, Measurements, Repeats
from include.domain.promotion_rules import describe_failure

GATE = LeakageGate(kind="leakage", max_single_feature_auc=0.7, max_jump=0.05)
HONEST: dict[str, Any] = {
    "metric": "roc_auc",
    "single_feature_auc": (("departure", 0.64), ("airline", 0.57)),
    "best_before": (0.66, 12),
    "positives": 100,
    "negatives": 100,
    "repeats": Repeats(rows=0.0, keys=0.0, keys_by_nature=0.0, alike=0.01, alike_by_nature=0.01, copied=0.0),
}


def _judge(value: float = 0.65, metric: str = "roc_auc", **changes: Any) -> tuple[GateResult, ...]:
    found = Leakage(**{**HONEST, "metric": metric, **changes})
    return GATE.judge(Evidence({metric: value}, {metric: 0.5}, measurements=Measurements(leakage=found)))


def test_an_honest_night_passes_every_bound_and_says_what_was_seen() -> None:
    assert [(each.metric, each.value, each.threshold, each.passed, each.note) for each in _judge()] == [
        ("single_feature_auc", 0.64, "<= 0.7", True, "the most telling feature is departure"),
        ("features_same_as_target", 0.0, "<= 0", True, ""),
        ("roc_auc", 0.65, "<= 0.71", True, "the best of 12 nights before was 0.66"),
        ("repeated_rows", 0.0, "<= 0.05", True, ""),
    ]


def test_features_that_tell_too_much_are_named_the_worst_first() -> None:
    aucs = tuple((f"f{number}", 0.99 - number / 100) for number in range(8))
    single, same, *_ = _judge(single_feature_auc=(*aucs, ("ok", 0.7)), same_as_target=("f0", "f1"))
    assert describe_failure(single) == (
        "leakage: single_feature_auc 0.99 is not <= 0.7 (tells too much by itself: "
        "f0 0.9900, f1 0.9800, f2 0.9700, f3 0.9600, f4 0.9500 and 3 more)"
    )
    assert describe_failure(same) == (
        "leakage: features_same_as_target 2 is not <= 0 (the target under another name: f0, f1)"
    )
    assert (single.on_failure, same.on_failure) == ("reject", "reject")


@pytest.mark.parametrize(
    ("metric", "best", "value", "threshold", "passed"),
    [
        ("roc_auc", 0.66, 0.71, "<= 0.71", True),
        ("roc_auc", 0.66, 0.7101, "<= 0.71", False),
        ("roc_auc", 0.66, 0.2, "<= 0.71", True),
        ("log_loss", 0.5, 0.45, ">= 0.45", True),
        ("log_loss", 0.5, 0.4499, ">= 0.45", False),
        ("log_loss", 0.5, 0.9, ">= 0.45", True),
    ],
)
def test_a_jump_is_towards_the_better_whatever_the_metrics_direction(
    metric: str, best: float, value: float, threshold: str, passed: bool
) -> None:
    jump = _judge(value, metric, best_before=(best, 3))[2]
    assert (jump.metric, jump.threshold, jump.reference, jump.passed) == (metric, threshold, best, passed)
    assert ("until somebody has explained it" in jump.note) is not passed


@pytest.mark.parametrize(
    ("before", "metric", "threshold", "nights"),
    [
        (None, "roc_auc", "<= best before + 0.05", 0),
        ((0.1, 2), "roc_auc", "<= best before + 0.05", 2),
        ((0.9, 2), "log_loss", ">= best before - 0.05", 2),
    ],
)
def test_a_jump_over_few_nights_is_not_judged_and_says_so(
    before: tuple[float, int] | None, metric: str, threshold: str, nights: int
) -> None:
    jump = _judge(0.65, metric, best_before=before)[2]
    assert (jump.threshold, jump.passed, jump.reference) == (threshold, True, None)
    assert jump.note == f"not judged: {nights} of the 3 nights that are needed to know what is ordinary"


def test_without_numbers_the_gate_is_closed() -> None:
    unknown = GATE.judge(Evidence({"roc_auc": 0.65}, {"roc_auc": 0.5}))
    assert [(each.metric, each.value, each.passed) for each in unknown] == [
        ("single_feature_auc", None, False),
        ("features_same_as_target", None, False),
        ("jump", None, False),
        ("repeated_rows", None, False),
    ]
    assert {each.note for each in unknown} == {"leakage was not measured"}
    assert not _judge(single_feature_auc=())[0].passed
    assert not _judge(single_feature_auc=(("f", math.nan),))[0].passed
    assert not _judge(math.nan)[2].passed
    assert not _judge(math.nan, best_before=None)[2].passed
    assert not _judge(repeats=None)[3].passed


@pytest.mark.parametrize(
    ("auc", "positives", "negatives", "passed"),
    [(0.93, 100, 100, True), (0.955, 60, 60, True), (0.98, 60, 60, False), (0.98, 10, 90, True), (1.0, 10, 90, False)],
)
def test_without_a_bound_a_feature_must_surely_tell_too_much(
    auc: float, positives: int, negatives: int, passed: bool
) -> None:
    found = Leakage(
        **{**HONEST, "single_feature_auc": (("told", auc),), "positives": positives, "negatives": negatives}
    )
    evidence = Evidence({"roc_auc": 0.65}, {"roc_auc": 0.5}, measurements=Measurements(leakage=found))
    single, *_ = LeakageGate(kind="leakage").judge(evidence)
    assert (single.value, single.threshold, single.passed) == (auc, "<= 0.93, but for chance", passed)


@pytest.mark.parametrize(
    ("found", "value", "threshold", "says"),
    [
        ({"rows": 0.06}, 0.06, "<= 0.05", "same key, features and label"),
        ({"keys": 0.5}, 0.5, "<= 0.05", "keys of the train part"),
        ({"alike": 0.2}, 0.2, "<= 0.065", "under another key"),
        ({"copied": 0.5, "copied_days": (("2024-03-09", "2024-03-08"),)}, 0.5, "<= 0.05", "2024-03-09 is a copy of"),
    ],
)
def test_rows_that_the_model_has_learnt_from_are_rejected(
    found: dict[str, Any], value: float, threshold: str, says: str
) -> None:
    repeated = _judge(repeats=HONEST["repeats"].model_copy(update=found))[3]
    assert (repeated.value, repeated.threshold, repeated.passed) == (value, threshold, False)
    assert says in repeated.note and repeated.on_failure == "reject"


@pytest.mark.parametrize(
    "natural",
    [
        {"keys": 1.0, "keys_by_nature": 0.9},
        {"keys": 1.0, "keys_by_nature": None},
        {"alike": 0.8, "alike_by_nature": 0.6},
    ],
)
def test_what_repeats_by_nature_is_no_leak(natural: dict[str, Any]) -> None:
    assert _judge(repeats=HONEST["repeats"].model_copy(update=natural))[3].passed
