"""Build measurements with everything in them, and a gate of every kind that they were judged by."""

from __future__ import annotations

from typing import Any

from include.domain.decision import Decision, GateResult
from include.domain.evidence import (
    BehaviourCheck,
    Difference,
    Group,
    Leakage,
    Measurements,
    Money,
    OperatingPoint,
    Runtime,
)
from tests.reports.decisions import DIFFERENCE, MEASUREMENTS, decision

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


GAIN = "the gain over champion 3 is 0.0147, and with 0.95 confidence at least 0.0076"
ALL_GATES = (
    gate("minimum", ">= 0.58", 0.6538, metric="roc_auc"),
    gate("maximum", "<= 0.25", 0.1702, metric="brier_score"),
    gate("beats_baseline", "> 0.55", 0.6538, metric="roc_auc", reference=0.5),
    gate(
        "better_than_champion",
        "> 0.6411, > 0.6391 with 95 % confidence",
        0.6538,
        metric="roc_auc",
        reference=0.6391,
        note=GAIN,
    ),
    gate("not_worse_than_champion", ">= 0.6291 with 95 % confidence", 0.6538, metric="roc_auc", reference=0.6391),
    gate("leak_alarm", "<= 0.85", 0.6538, metric="roc_auc"),
    gate("leakage", "<= 0.9", 0.612, metric="single_feature_auc", note="the most telling feature is departure_minute"),
    gate("leakage", "<= 0", 0.0, metric="features_same_as_target"),
    gate("leakage", "<= 0.7601", 0.6538, metric="roc_auc", reference=0.6601, note="the best of 12 nights before"),
    gate(
        "slice",
        ">= -0.02",
        -0.0212,
        False,
        metric="roc_auc gain at best, worst group",
        note="proved worse in origin_airport LGA: 0.6049 against the champion's 0.64",
    ),
    gate("fairness", "<= 0.3", 0.24, metric="demographic parity difference, senior_citizen", note="answered yes: 41 %"),
    gate("calibration", "<= 0.05", 0.0123, metric="ece", reference=0.0456),
    gate("value", "> 38.5", 412.3, metric="value_per_1000", unit="EUR", reference=38.5, note="no to all earns 38.5"),
    gate("value", ">= 371.9", 412.3, metric="value_per_1000", unit="EUR", reference=371.9),
    gate("latency", "<= 20", 4.82, metric="p95", unit="ms"),
    gate("latency", "<= 6.12", 4.82, metric="p95", unit="ms", reference=2.04),
    gate("memory", "<= 512", 118.4, unit="MB"),
    gate("size", "<= 50", 0.81, unit="MB"),
    gate("serves", ">= 1", 0.0, False, metric="answered", unit="rows", note="the process ended with signal 9"),
    gate("stability", "<= 0.25", 0.0312, metric="psi"),
    gate("behaviour", ">= 0.95", 0.93, False, metric="later_departures_are_later", on_failure="hold"),
)


def full(**changes: Any) -> Decision:
    """Return a decision with everything measured, judged by a gate of every kind."""
    return decision(**{"verdict": "REJECT", "measurements": FULL, "gates": ALL_GATES, **changes})
