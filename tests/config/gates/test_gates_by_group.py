"""The gates of groups, fairness, calibration and stability close when their rule is broken, and name what broke it."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.stats import t as student_t
from statsmodels.stats.multitest import multipletests

from include.config.gates import Evidence, FairnessGate, Gate, SliceGate
from include.config.gates.groups import MAX_ECE, proved
from include.config.gates_in_force import judge_undeclared
from include.domain.decision import GateResult
from include.domain.evidence import Calibration, CalibrationBin, Fairness, Group, GroupRates, Measurements, Stability
from include.ml.calibration import calibration
from include.ml.slices import fairness, measure_slices
from tests.ml.grouped_rows import DAYS, grouped_rows

_GATE: TypeAdapter[Any] = TypeAdapter(Gate)
LARGE = {f"r{number}": 600 for number in range(5)}
SMALL = {**{f"r{number}": 300 for number in range(5)}, "small": 150}


def _judge(measured: Measurements, champion: float | None = 0.8, **gate: Any) -> tuple[GateResult, ...]:
    values = None if champion is None else {"roc_auc": champion, "log_loss": champion, "brier_score": champion}
    challenger = {"roc_auc": 0.81, "log_loss": 0.5, "brier_score": 0.2}
    return _GATE.validate_python(gate).judge(Evidence(challenger, {}, values, measurements=measured))


def _slice(seed: int, metric: Any = "roc_auc", min_rows: int = 200, **more: Any) -> GateResult:
    """Judge a slice gate on rows of several groups."""
    gate = {name: more.pop(name) for name in ("margin", "confidence", "by") if name in more}
    groups, scored = grouped_rows(seed, **more)
    measured = Measurements(groups=measure_slices(metric, "region", groups, scored, min_rows))
    (found,) = _judge(measured, kind="slice", metric=metric, min_rows=min_rows, **gate)
    assert (found.kind, found.on_failure) == ("slice", "reject")
    return found


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "brier_score", "accuracy"])
def test_a_challenger_that_is_worse_in_one_group_is_rejected_and_the_group_named(metric: str) -> None:
    found = _slice(1, metric, sizes=LARGE, worse="r3", noise=8.0)
    assert not found.passed
    assert found.threshold == ">= -0.02"
    assert found.value is not None
    assert found.value < -0.02
    assert found.metric == f"{metric} gain at best, worst group"
    assert found.note.startswith("proved worse in region r3: ")
    assert found.note.count("region") == 1
    assert " against the champion's 0." in found.note


@pytest.mark.parametrize("seed", range(5))
def test_an_equal_challenger_passes(seed: int) -> None:
    found = _slice(seed)
    assert found.passed
    assert found.value is not None
    assert found.value > -0.02
    assert found.note.startswith("10 groups judged, 0 only shown; region r")


def test_the_champion_itself_passes_without_any_margin() -> None:
    groups, scored = grouped_rows(2)
    same = replace(scored, challenger=scored.champion)
    measured = Measurements(groups=measure_slices("roc_auc", "region", groups, same, 200))
    (found,) = _judge(measured, kind="slice", metric="roc_auc", margin=0)
    assert (found.passed, found.value, found.threshold) == (True, 0.0, ">= 0")


def test_a_loss_within_the_margin_passes() -> None:
    assert not _slice(1, sizes=LARGE, worse="r3", noise=8.0, margin=0.02).passed
    assert _slice(1, sizes=LARGE, worse="r3", noise=8.0, margin=0.3).passed


def test_a_small_group_is_only_shown() -> None:
    found = _slice(3, sizes=SMALL, worse="small", noise=20.0)
    assert found.passed
    assert found.note.startswith("5 groups judged, 1 only shown; ")
    judged = _slice(3, sizes=SMALL, worse="small", noise=20.0, min_rows=150)
    assert not judged.passed
    assert judged.note.startswith("proved worse in region small: ")


def test_of_many_groups_that_are_worse_three_are_named() -> None:
    groups, scored = grouped_rows(4)
    assert scored.champion is not None
    reversed_scores = replace(scored, challenger=1 - scored.champion)
    measured = Measurements(groups=measure_slices("roc_auc", "region", groups, reversed_scores, 200))
    (found,) = _judge(measured, kind="slice", metric="roc_auc")
    assert not found.passed
    assert found.note.count("region r") == 3
    assert found.note.endswith("; and 7 more groups")


def test_only_the_columns_and_the_metric_of_the_gate_are_looked_at() -> None:
    groups, scored = grouped_rows(1, LARGE, worse="r3", noise=8.0)
    harmed = measure_slices("roc_auc", "region", groups, scored, 200)
    half = np.where(np.arange(len(groups)) % 2, "odd", "even")
    fine = measure_slices("roc_auc", "half", half, replace(scored, challenger=scored.champion), 200)
    measured = Measurements(groups=(*harmed, *fine))
    assert _judge(measured, kind="slice", metric="roc_auc", by=["half"])[0].passed
    assert not _judge(measured, kind="slice", metric="roc_auc", by=["half", "region"])[0].passed
    assert not _judge(measured, kind="slice", metric="roc_auc")[0].passed
    (unseen,) = _judge(measured, kind="slice", metric="roc_auc", by=["half", "port"])
    assert (unseen.passed, unseen.value, unseen.note) == (False, None, "not measured by port")
    (other,) = _judge(measured, kind="slice", metric="log_loss")
    assert (other.passed, other.value) == (False, None)


def test_without_a_group_that_can_be_judged_the_gate_stays_closed() -> None:
    found = _slice(5, min_rows=1000)
    assert (found.passed, found.value) == (False, None)
    assert found.note == "no group of at least 1000 rows, of both classes, on enough days"


def test_a_gain_without_any_error_is_what_it_is() -> None:
    group = Group(column="a", group="b", metric="roc_auc", rows=300, positive_rate=0.5, challenger=0.7, champion=0.8)
    for gain, passed in ((-0.1, False), (-0.02, True), (0.0, True)):
        update = {"gain": gain, "standard_error": 0.0, "degrees_of_freedom": 13, "judged": True}
        (found,) = _judge(Measurements(groups=(group.model_copy(update=update),)), kind="slice", metric="roc_auc")
        assert (found.passed, found.value) == (passed, gain)


@pytest.mark.parametrize(
    ("metric", "threshold"),
    [("roc_auc", ">= champion - 0.02 in each group"), ("log_loss", "<= champion + 0.02 in each group")],
)
def test_without_a_champion_no_group_can_be_worse(metric: str, threshold: str) -> None:
    (found,) = _judge(Measurements(), champion=None, kind="slice", metric=metric)
    told = (found.outcome, found.value, found.threshold, found.note)
    assert told == ("not_applicable", None, threshold, "no champion as of this day")


@pytest.mark.parametrize("seed", range(30))
def test_what_is_proved_of_many_groups_is_what_statsmodels_finds_by_holms_rule(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # statsmodels collects the garbage of the whole process each time
    monkeypatch.setattr(gc, "collect", lambda: 0)
    random = np.random.default_rng(seed)
    confidence = (0.8, 0.95, 0.99)[seed % 3]
    # few and many, in any order, with ties, with 0 and 1, and with chances that are just what is asked
    count = seed + 1
    asked = (1 - confidence) / np.arange(count, 0, -1)
    drawn = np.concatenate([random.random(count) ** 4, random.random(count) * asked, asked, [0.0, 1.0]])
    for _ in range(20):
        chances = random.choice(drawn, count).tolist()
        assert proved(chances, confidence) == multipletests(chances, 1 - confidence, "holm")[0].tolist()


def test_telling_what_is_proved_does_not_collect_the_garbage_of_the_whole_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(generation: int = 2) -> int:
        raise AssertionError("a collection for each night of a history is most of its time")

    monkeypatch.setattr(gc, "collect", refuse)
    assert proved([0.9, 0.001, 0.2], 0.95) == [False, True, False]


def test_of_equal_models_about_one_in_twenty_has_any_group_called_worse() -> None:
    """With eight groups at 95 %; 200 tries know that to 0.016. Without correction one in three would be rejected."""
    rejected, uncorrected = 0, 0
    for seed in range(200):
        groups, scored = grouped_rows(1000 + seed, sizes={f"r{number}": 120 for number in range(8)})
        measured = Measurements(groups=measure_slices("brier_score", "region", groups, scored, 50))
        (found,) = _judge(measured, kind="slice", metric="brier_score", margin=0, min_rows=50)
        rejected += not found.passed
        assert found.value is not None
        assert found.passed == (found.value >= 0)
        gains = np.array([[group.gain, group.standard_error] for group in measured.groups], dtype="float64")
        uncorrected += bool((gains[:, 0] / gains[:, 1] < student_t.ppf(0.05, DAYS - 1)).any())
    assert 0.01 <= rejected / 200 <= 0.05 + 3 * 0.016
    assert uncorrected / 200 >= 0.2


def _people(seed: int = 6, apart: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return groups, labels and scores; `apart` is how much higher those of one group are."""
    random = np.random.default_rng(seed)
    groups = random.choice(["east", "north", "west"], 900, p=[0.4, 0.4, 0.2])
    labels = (random.random(900) < 0.4).astype(int)
    scores = np.clip(0.1 + 0.5 * random.random(900) + 0.15 * labels + apart * (groups == "west"), 0, 1)
    return groups, labels, scores


FAIR = {"kind": "fairness", "max_demographic_parity_difference": 0.2, "max_equalized_odds_difference": 0.25}


def test_answers_that_treat_groups_apart_are_rejected_by_each_bound_and_column() -> None:
    groups, labels, scores = _people()
    even = _people(apart=0.0)[2]
    measured = Measurements(
        fairness=(fairness("region", groups, labels, scores, 0.5, 100), fairness("sex", groups, labels, even, 0.5, 100))
    )
    found = _judge(measured, **FAIR)
    assert [(one.metric, one.threshold, one.passed, one.on_failure) for one in found] == [
        ("demographic parity difference, region", "<= 0.2", False, "reject"),
        ("equalized odds difference, region", "<= 0.25", False, "reject"),
        ("demographic parity difference, sex", "<= 0.2", True, "reject"),
        ("equalized odds difference, sex", "<= 0.25", True, "reject"),
    ]
    yes = {name: (scores >= 0.5)[groups == name].mean() for name in ("east", "north", "west")}
    low = min(yes, key=lambda name: yes[name])
    assert found[0].value == pytest.approx(max(yes.values()) - min(yes.values()))
    assert found[0].note == f"answered yes: {yes['west']:.1%} of west, {yes[low]:.1%} of {low}"
    rates = {
        (label, name): (scores >= 0.5)[(groups == name) & (labels == label)].mean() for label in (0, 1) for name in yes
    }
    spread = [max(rates[label, name] for name in yes) - min(rates[label, name] for name in yes) for label in (0, 1)]
    assert found[1].value == pytest.approx(max(spread))
    assert found[1].note.startswith("positives found: " if spread[1] > spread[0] else "false alarms among negatives: ")
    (only,) = _judge(measured, kind="fairness", by=["sex"], max_equalized_odds_difference=0.25)
    assert only.metric == "equalized odds difference, sex"


def test_a_small_group_of_people_is_not_judged() -> None:
    groups, labels, scores = _people()
    size = int((groups == "west").sum())
    closed, opened = (
        _judge(Measurements(fairness=(fairness("region", groups, labels, scores, 0.5, rows),)), **FAIR)[0]
        for rows in (size, size + 1)
    )
    assert (closed.passed, opened.passed) == (False, True)


@pytest.mark.parametrize(
    ("measured", "note"),
    [
        ((), "no protected column was measured"),
        ((fairness("sex", ["a"] * 200, [0, 1] * 100, [0.1, 0.9] * 100, 0.5, 20),), "fewer than two groups of at least"),
        ((fairness("sex", ["a", "b"] * 15, [0, 1] * 15, [0.1] * 30, 0.5, 20),), "fewer than two groups of at least"),
    ],
)
def test_fairness_that_is_not_known_stays_closed(measured: Any, note: str) -> None:
    for found in _judge(Measurements(fairness=measured), **FAIR):
        assert (found.passed, found.value) == (False, None)
        assert found.note.startswith(note)


def test_a_named_column_that_was_not_measured_stays_closed_and_so_does_a_group_without_positives() -> None:
    groups, labels, scores = _people(apart=0.0)
    one = fairness("region", groups, np.where(groups == "west", 0, labels), scores, 0.5, 100)
    measured = Measurements(fairness=(one,))
    found = _judge(measured, by=["age", "region"], **FAIR)
    assert [(each.passed, each.value is None, each.note) for each in found[:2]] == [
        (False, True, "the column was not measured")
    ] * 2
    assert found[2].passed
    assert (found[3].passed, found[3].note) == (False, "a judged group has no positives or no negatives")


def test_scores_that_are_no_probabilities_are_rejected() -> None:
    random = np.random.default_rng(8)
    scores = random.uniform(0.1, 0.6, 4000)
    labels = (random.random(4000) < scores).astype(int)
    honest, inflated = calibration(labels, scores, 10), calibration(labels, scores + 0.2, 10)
    for ours, passed in ((honest, True), (inflated, False)):
        measured = Measurements(calibration={"challenger": ours, "champion": honest})
        (found,) = _judge(measured, kind="calibration", max_ece=0.1)
        assert (found.passed, found.value, found.reference) == (passed, ours.ece, honest.ece)
        assert (found.metric, found.threshold, found.on_failure) == ("ece", "<= 0.1", "reject")
        brier = np.mean((scores + (0 if passed else 0.2) - labels) ** 2)
        assert found.note.startswith(f"Brier score {brier:.4g}, of which miscalibration is ")
    # 0.2 too high everywhere costs 0.2 squared
    assert inflated.reliability == pytest.approx(0.04, abs=0.01)
    (alone,) = _judge(Measurements(calibration={"challenger": honest}), None, kind="calibration", max_ece=0.1)
    assert (alone.passed, alone.reference) == (True, None)


def test_calibration_of_before_and_calibration_that_is_missing() -> None:
    (found,) = _judge(
        Measurements(calibration={"challenger": Calibration(ece=0.05, bins=())}), kind="calibration", max_ece=0.1
    )
    assert (found.passed, found.note) == (True, "")
    (missing,) = _judge(Measurements(), kind="calibration", max_ece=0.1)
    assert (missing.passed, missing.value, missing.note) == (False, None, "the calibration was not measured")


def test_scores_that_moved_away_from_the_champions_are_rejected() -> None:
    for psi, passed in ((0.25, True), (0.2501, False), (float("nan"), False)):
        stability = Stability(psi=psi, challenger_mean=0.31, champion_mean=0.2222)
        (found,) = _judge(Measurements(stability=stability), kind="stability", max_psi=0.25)
        assert (found.passed, found.metric, found.threshold, found.on_failure) == (passed, "psi", "<= 0.25", "reject")
        assert found.note == "mean score 0.31, the champion's 0.2222"
    (missing,) = _judge(Measurements(), kind="stability")
    assert (missing.passed, missing.value) == (False, None)
    (alone,) = _judge(Measurements(), None, kind="stability")
    assert (alone.outcome, alone.value, alone.note) == ("not_applicable", None, "no champion as of this day")


@pytest.mark.parametrize(("ours", "theirs", "passed"), [(0.03, 0.1, True), (0.2, 0.03, False), (0.03, None, False)])
def test_without_a_bound_moved_scores_must_be_as_right_as_the_champions(
    ours: float, theirs: float | None, passed: bool
) -> None:
    bins = (CalibrationBin(rows=2000, mean_score=0.2, positive_rate=0.2),)
    found = {"challenger": Calibration(ece=ours, bins=bins)}
    if theirs is not None:
        found["champion"] = Calibration(ece=theirs, bins=bins)
    for psi, expected in ((5.0, True), (5.5, passed), (float("nan"), False)):
        stability = Stability(psi=psi, challenger_mean=0.3, champion_mean=0.3)
        (judged,) = _judge(Measurements(stability=stability, calibration=found), kind="stability")
        assert (judged.passed, judged.threshold) == (expected, "<= 5, or calibrated as well")
        assert ("calibration" in judged.note) is (psi == 5.5)


def test_without_a_bound_few_rows_are_allowed_what_chance_gives_them() -> None:
    chance = np.random.default_rng(1)
    scores = chance.uniform(0.05, 0.95, 100)
    right = calibration((chance.random(100) < scores).astype(int), scores, 10)
    wrong = calibration((chance.random(100) < scores / 4).astype(int), scores / 2 + 0.5, 10)
    found = [_judge(Measurements(calibration={"challenger": each}), kind="calibration")[0] for each in (right, wrong)]
    assert [each.passed for each in found] == [True, False]
    assert "so few rows" in found[0].note
    # of many rows chance gives nothing
    many = [each.model_copy(update={"rows": each.rows * 100_000}) for each in right.bins]
    (strict,) = _judge(
        Measurements(calibration={"challenger": right.model_copy(update={"bins": tuple(many)})}), kind="calibration"
    )
    assert strict.threshold.startswith(f"<= {MAX_ECE}")


def test_groups_too_small_to_judge_are_not_applicable_unless_somebody_asked() -> None:
    small = Group(column="age", group="old", metric="roc_auc", rows=30, positive_rate=0.5, gain=0.0)
    rates = GroupRates(group="old", rows=30, selection_rate=0.5, true_positive_rate=None, false_positive_rate=None)
    alone = Fairness(
        column="age",
        groups=(rates.model_copy(update={"judged": False}),),
        demographic_parity_difference=None,
        equalized_odds_difference=None,
    )
    evidence = Evidence(
        {"roc_auc": 0.7},
        {"roc_auc": 0.5},
        {"roc_auc": 0.7},
        measurements=Measurements(groups=(small,), fairness=(alone,)),
    )
    gates = (
        SliceGate(kind="slice", metric="roc_auc"),
        FairnessGate(kind="fairness", by=("age",), max_equalized_odds_difference=0.5),
    )
    for gate in gates:
        assert [each.outcome for each in judge_undeclared(gate, evidence)] == ["not_applicable"]
        assert [each.outcome for each in gate.judge(evidence)] == ["failed"]
        # what was not measured at all stays closed
        unmeasured = Evidence({"roc_auc": 0.7}, {"roc_auc": 0.5}, {"roc_auc": 0.7})
        assert [each.outcome for each in judge_undeclared(gate, unmeasured)] == ["failed"]
