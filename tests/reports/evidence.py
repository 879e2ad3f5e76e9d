"""Build measurements with everything in them, and a gate of every kind that they were judged by."""

from __future__ import annotations

from typing import Any

from include.config.decision import GateResult
from include.config.evidence import (
    BehaviourCheck,
    Difference,
    Group,
    Leakage,
    Measurements,
    Money,
    OperatingPoint,
    Runtime,
)
from tests.reports.decisions import DIFFERENCE, MEASUREMENTS

OBJECTIVE = "most money on the train part"
POINTS = {
    "challenger": OperatingPoint(
        threshold=0.312,
        objective=OBJECTIVE,
        true_positives=1490,
        false_positives=1480,
        false_negatives=1359,
        true_negatives=8545,
        value_per_1000=412.3,
    ),
    "champion": OperatingPoint(
        threshold=0.335,
        objective=OBJECTIVE,
        true_positives=1425,
        false_positives=1501,
        false_negatives=1424,
        true_negatives=8524,
        value_per_1000=371.9,
    ),
}


def earned(best: float) -> tuple[tuple[float, float], ...]:
    """Return what 1,000 rows earn at each threshold; the most is `best`."""
    return tuple((step / 50, best - 6000 * (step / 50 - 0.32) ** 2) for step in range(51))


def group(column: str, name: str, gain: float | None, rows: int = 1800, width: float = 0.02) -> Group:
    """Return one group of rows; fewer than 200 are not judged."""
    return Group(
        column=column,
        group=name,
        metric="roc_auc",
        rows=rows,
        positive_rate=0.2,
        challenger=None if gain is None else 0.64 + gain,
        champion=None if gain is None else 0.64,
        gain=gain,
        standard_error=None if gain is None else width / 2,
        interval=None if gain is None else (gain - width, gain + width),
        judged=rows >= 200,
    )


GROUPS = (
    *(
        group("airline", name, round(0.045 - 0.006 * at, 4))
        for at, name in enumerate(["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL"])
    ),
    group("airline", "OO", 0.21, rows=41, width=0.3),
    group("airline", "HA", None, rows=3),
    group("origin_airport", "EWR", 0.031),
    group("origin_airport", "JFK", 0.002),
    group("origin_airport", "LGA", -0.0351),
)
FULL = MEASUREMENTS.model_copy(
    update={
        "differences": (
            DIFFERENCE,
            Difference(
                metric="average_precision",
                value=0.0129,
                standard_error=0.009,
                confidence=0.9,
                lower=-0.0021,
                upper=0.0279,
                p_value=0.081,
                method=DIFFERENCE.method,
            ),
        ),
        "points": POINTS,
        "calibration": {
            role: found.model_copy(update={"brier_score": 0.17, "reliability": found.ece / 10})
            for role, found in MEASUREMENTS.calibration.items()
        },
        "groups": GROUPS,
        "money": Money(
            currency="EUR",
            always_the_same=38.5,
            all_yes=False,
            challenger_curve=earned(412.3),
            champion_curve=earned(372.0),
        ),
        "leakage": Leakage(
            metric="roc_auc",
            single_feature_auc=(("departure_minute", 0.612), ("aircraft_delay_yesterday", 0.588), ("airline", 0.561)),
            best_before=(0.6601, 12),
        ),
        "runtime": Runtime(
            asked=True, rows=300, p50_ms=3.1, p95_ms=4.82, champion_p95_ms=2.04, memory_mb=118.4, size_mb=0.81
        ),
        "behaviour": (
            BehaviourCheck(
                name="plane_number_does_not_matter", kind="invariance", rows=500, held=1.0, needed=0.99, passed=True
            ),
            BehaviourCheck(
                name="later_departures_are_later",
                kind="directional",
                rows=500,
                held=0.93,
                needed=0.95,
                passed=False,
                example="departure_minute 600 to 900: 0.31 to 0.29",
            ),
        ),
    }
)
assert isinstance(FULL, Measurements)


def gate(kind: str, threshold: str, value: float | None, passed: bool = True, **more: Any) -> GateResult:
    """Return how a gate was judged; its metric is its kind, if none is given."""
    return GateResult(kind=kind, threshold=threshold, value=value, passed=passed, **{"metric": kind, **more})


ALL_GATES = (
    gate("minimum", ">= 0.58", 0.6538, metric="roc_auc"),
    gate("maximum", "<= 0.25", 0.1702, metric="brier_score"),
    gate("beats_baseline", "> 0.55", 0.6538, metric="roc_auc", reference=0.5),
    gate("better_than_champion", "> 0.002, surely > 0", 0.0147, metric="roc_auc", reference=0.6391),
    gate("not_worse_than_champion", ">= -0.01", 0.0147, metric="roc_auc", reference=0.6391),
    gate("leak_alarm", "<= 0.85", 0.6538, metric="roc_auc"),
    gate("leakage", "<= 0.9", 0.612, metric="single_feature_auc", note="departure_minute"),
    gate("slice", ">= -0.02", -0.0351, False, metric="roc_auc", note="origin_airport LGA: p 0.003 of 14 groups (Holm)"),
    gate("fairness", "<= 0.3", 0.24, metric="demographic_parity_difference", note="senior_citizen"),
    gate("calibration", "<= 0.05", 0.0123, metric="ece"),
    gate("value", ">= 0 more than always no", 373.8, unit="EUR", reference=38.5),
    gate("value", ">= 0 more than the champion", 40.4, unit="EUR", reference=371.9),
    gate("latency", "<= 20 ms", 4.82, metric="p95", unit="ms", reference=2.04),
    gate("memory", "<= 512", 118.4, unit="MB"),
    gate("size", "<= 50", 0.81, unit="MB"),
    gate("serves", "answers as it did here", None, False, note="the process ended with signal 9"),
    gate("stability", "<= 0.25", 0.0312, metric="psi"),
    gate("behaviour", ">= 0.95", 0.93, False, metric="later_departures_are_later", on_failure="hold"),
)
