"""What is taken over from a decision's measurements: never what was said about another champion."""

from __future__ import annotations

from include.domain.decision import Decision
from include.domain.evidence import Group, Leakage, Measurements, Money, OperatingPoint, Runtime
from include.operations.cached_measurements import judged_only, with_its_own, without_champion
from tests.reports.decisions import CALIBRATION, DIFFERENCE, FAIRNESS, TESTS, decision

POINT = OperatingPoint(
    threshold=0.5,
    objective="fixed",
    true_positives=1,
    false_positives=2,
    false_negatives=3,
    true_negatives=4,
    value_per_1000=5.0,
)
GROUP = Group(
    column="origin",
    group="EWR",
    metric="roc_auc",
    rows=400,
    positive_rate=0.2,
    challenger=0.7,
    champion=0.6,
    gain=0.1,
    standard_error=0.01,
    interval=(0.08, 0.12),
    judged=True,
)
CURVE = ((0.1, 20.0), (0.9, 10.0))
MONEY = Money(currency="EUR", always_the_same=1.0, all_yes=True, challenger_curve=CURVE, champion_curve=CURVE)
RUNTIME = Runtime(asked=True, rows=300, p95_ms=4.0, champion_p95_ms=3.0, size_mb=0.2)
LEAKAGE = Leakage(metric="roc_auc", single_feature_auc=(("distance", 0.6),), best_before=(0.66, 30))
MEASURED = Measurements(
    differences=(DIFFERENCE,),
    tests=TESTS,
    points={"challenger": POINT, "champion": POINT},
    calibration=CALIBRATION,
    groups=(GROUP,),
    fairness=(FAIRNESS,),
    money=MONEY,
    leakage=LEAKAGE,
    runtime=RUNTIME,
    behaviour=(),
)


def _decision(measured: Measurements) -> Decision:
    return decision(measurements=measured)


def test_without_a_champion_nothing_is_left_of_it() -> None:
    alone = without_champion(MEASURED)
    text = alone.model_dump_json()
    assert (alone.differences, alone.tests, alone.stability) == ((), (), None)
    assert set(alone.points) == set(alone.calibration) == {"challenger"}
    assert (alone.groups[0].challenger, alone.groups[0].champion, alone.groups[0].gain) == (0.7, None, None)
    assert (alone.groups[0].standard_error, alone.groups[0].interval) == (None, None)
    assert alone.money is not None
    assert (alone.money.challenger_curve, alone.money.champion_curve) == (CURVE, ())
    assert alone.runtime is not None
    assert (alone.runtime.p95_ms, alone.runtime.champion_p95_ms) == (4.0, None)
    assert (alone.fairness, alone.leakage, alone.behaviour) == (MEASURED.fairness, LEAKAGE, ())
    assert Measurements.model_validate_json(text) == alone


def test_without_measurements_there_is_nothing_to_take() -> None:
    assert without_champion(Measurements()) == Measurements() == judged_only(Measurements())


def test_what_no_gate_looks_at_is_not_kept() -> None:
    kept = judged_only(MEASURED)
    assert kept.tests == ()
    assert kept.money is not None
    assert (kept.money.challenger_curve, kept.money.champion_curve) == ((), ())
    assert (kept.money.always_the_same, kept.differences, kept.groups) == (1.0, (DIFFERENCE,), (GROUP,))


def test_only_the_night_itself_knows_how_its_release_ran() -> None:
    again = Measurements(calibration=CALIBRATION, leakage=LEAKAGE.model_copy(update={"best_before": None}))
    found = with_its_own(again, _decision(MEASURED))
    assert found.calibration == CALIBRATION
    assert (found.leakage, found.behaviour) == (LEAKAGE, ())
    assert found.runtime == RUNTIME.model_copy(update={"champion_p95_ms": None})
    assert with_its_own(again, _decision(Measurements())).runtime is None
