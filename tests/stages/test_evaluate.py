from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from include.config import identity
from include.config.estimators import module_of
from include.config.identity import DECISION_ENTRIES, MODEL_ENTRIES, code_identity
from include.config.settings import ROOT
from include.domain.decision import Decision
from include.domain.errors import CandidateRejectedError, EvaluationError, ObjectMissingError
from include.domain.results import EvaluateInputs, EvaluateResult, Origin, Span
from include.io import keys
from include.io.feature_rows import read_window
from include.io.ledger import Ledger
from include.io.models import holdout_days, read_candidate
from include.io.tracking import Tracking
from include.io.tracking_database import busy_safe
from include.ml.metrics import measure
from include.stages import evaluate
from include.stages.evaluate import context, measurements
from tests.support.model_nights import DAYS, FIRST, HOLDOUT_DAYS, ROWS, Nights, make_project, make_rows
from tests.support.played_nights import day as night_day
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
ONE = [{"name": "linear", "estimator": "logistic_regression"}]


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path) -> Nights:
    copy_prepared(prepared_tracking, tmp_path)
    return Nights(tmp_path, make_project(tmp_path))


def _decision(nights: Nights, result: EvaluateResult) -> Decision:
    key = keys.decision("parcels", result.decision_id)
    assert result.decision_uri == nights.store.uri(key)
    return Decision.model_validate_json(nights.store.get(key))


def _gate(decision: Decision, kind: str) -> Any:
    return next(gate for gate in decision.gates if gate.kind == kind)


def test_the_first_decision_holds_all_evidence(nights: Nights) -> None:
    result = nights.evaluate(AS_OF)
    decision = _decision(nights, result)
    assert (result.verdict, decision.verdict) == ("PROMOTE", "PROMOTE")
    assert [gate.kind for gate in decision.gates] == [
        "minimum", "not_worse_than_champion", "leak_alarm", "holdout", "holdout", "holdout", "beats_baseline",
        "better_than_champion", "leakage", "leakage", "leakage", "leakage", "labels", "labels", "calibration",
        "stability", "size", "serves", "latency", "memory",
    ]  # fmt: skip
    assert _gate(decision, "not_worse_than_champion").note == "no champion as of this day"
    assert decision.champion is None
    assert (decision.holdout_rows, decision.train_rows) == (2 * ROWS, 6 * ROWS)
    assert decision.baseline["roc_auc"] == 0.5
    assert len(decision.others) == 1
    assert decision.others[0].holdout == {}

    # the numbers are those of the stored model on the stored rows
    window = read_window(nights.store, nights.project, holdout_days(nights.plan(AS_OF)))
    _, model, record = read_candidate(nights.store, "parcels", result.candidate_id)
    expected = measure(list(decision.challenger.holdout), window.frame["late"], model.score(window.frame), "test")
    assert decision.challenger.holdout == pytest.approx(expected)
    assert decision.challenger.params == record.params
    prior = measure(list(decision.baseline), window.frame["late"], np.full(2 * ROWS, record.positive_rate), "test")
    assert decision.baseline == pytest.approx(prior)


@pytest.mark.parametrize(("metric", "best"), [("roc_auc", max), ("log_loss", min)])
def test_cross_validation_chooses_the_challenger(nights: Nights, metric: str, best: Any) -> None:
    nights.project = make_project(nights.folder, metrics={"primary": metric, "also": []})
    result = nights.evaluate(AS_OF)
    wanted = best(nights.results, key=lambda trained: trained.cv_mean)
    assert result.candidate_id == wanted.candidate_id


def test_of_equal_candidates_the_one_declared_first_wins(nights: Nights) -> None:
    trained = [nights.train(AS_OF, name) for name in ("linear", "trees")]
    equal = tuple(each.model_copy(update={"cv_mean": 0.8}) for each in reversed(trained))
    inputs = EvaluateInputs(**nights.inputs(AS_OF, "run"), plan=nights.plan(AS_OF), trained=equal)
    assert evaluate.run(nights.project, inputs).challenger == "linear"


def test_equal_evidence_is_one_decision(nights: Nights) -> None:
    first = nights.evaluate(AS_OF, "run 1")
    decision = _decision(nights, first)
    assert nights.evaluate(AS_OF, "run 2") == first
    assert _decision(nights, first) == decision
    assert len([info for info in nights.store.list("parcels/decisions/") if info.key.endswith("/decision.json")]) == 1
    held = nights.evaluate(AS_OF, "run 3", promotion_mode="hold")
    assert (held.verdict, held.decision_id == first.decision_id) == ("HOLD", False)
    assert held.reason.startswith("promotion mode is hold; it would be promoted: all gates passed")


def _checkout_with(folder: Path, module: str, statement: str) -> Path:
    """Return a copy of the code with one more statement in a module of `include`."""
    shutil.copytree(ROOT / "include", folder / "include", ignore=shutil.ignore_patterns("__pycache__", "projects"))
    path = folder / "include" / f"{module}.py"
    path.write_text(path.read_text() + statement)
    return folder


def test_what_code_with_a_bug_decided_is_decided_anew_when_it_is_mended(
    nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _checkout_with(tmp_path / "other", "stages/evaluate/measurements", "WRONG = True\n")
    right = measurements.measure_scores
    with monkeypatch.context() as wrong:
        wrong.setattr(measurements, "measure_scores", lambda *given: right(*given[:2], 1 - given[2], *given[3:]))
        wrong.setattr(context, "decision_code", lambda: code_identity(DECISION_ENTRIES, other))
        wrong.setattr(identity, "model_code", lambda name: code_identity((*MODEL_ENTRIES, module_of(name)), other))
        rejected = nights.evaluate(AS_OF)
    mended = nights.evaluate(AS_OF)
    assert (rejected.verdict, mended.verdict) == ("REJECT", "PROMOTE")
    assert rejected.decision_id != mended.decision_id
    # measuring makes no model
    assert rejected.candidate_id == mended.candidate_id


def test_a_model_of_other_code_is_another_candidate(
    nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = nights.train(AS_OF, "linear").candidate_id
    said = _checkout_with(tmp_path / "said", "stages/train/__init__", "# a comment\n")
    other = _checkout_with(tmp_path / "other", "stages/train/__init__", "OTHER = True\n")
    entries = (*MODEL_ENTRIES, module_of("logistic_regression"))
    for checkout, same in ((said, True), (other, False)):
        monkeypatch.setattr(identity, "model_code", lambda _, root=checkout: code_identity(entries, root))
        assert (nights.train(AS_OF, "linear").candidate_id == first) is same


def test_a_candidate_is_one_model_version_with_the_challenger_alias(nights: Nights) -> None:
    result = nights.evaluate(AS_OF, "run 1")
    nights.evaluate(AS_OF, "run 2")
    client = MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))
    versions = client.search_model_versions("name = 'parcels'")
    assert [version.tags["candidate_id"] for version in versions] == [result.candidate_id]
    assert str(client.get_model_version_by_alias("parcels", "challenger").version) == "1"
    run = client.get_run(_decision(nights, result).challenger.tracking_run_id)
    assert run.data.metrics["holdout_roc_auc"] == _decision(nights, result).challenger.holdout["roc_auc"]
    assert len(client.get_metric_history(run.info.run_id, "holdout_roc_auc")) == 1


def test_champion_and_challenger_are_measured_on_the_same_rows(nights: Nights) -> None:
    nights.night(AS_OF)
    later = AS_OF + timedelta(days=1)
    decision = _decision(nights, nights.evaluate(later))
    champion = decision.champion
    assert champion is not None
    assert (champion.as_of, champion.version) == (AS_OF, "1")
    window = read_window(nights.store, nights.project, holdout_days(nights.plan(later)))
    _, model, _ = read_candidate(nights.store, "parcels", champion.candidate_id)
    expected = measure(["roc_auc"], window.frame["late"], model.score(window.frame), "test")["roc_auc"]
    assert champion.holdout["roc_auc"] == pytest.approx(expected)
    assert _gate(decision, "not_worse_than_champion").reference == champion.holdout["roc_auc"]


def test_a_champion_is_scored_through_its_own_signature(nights: Nights) -> None:
    nights.night(AS_OF)
    features = {"numeric": ["weight"], "categorical": ["city"]}
    nights.project = make_project(nights.folder, features=features, candidates=ONE)
    decision = _decision(nights, nights.evaluate(AS_OF + timedelta(days=1)))
    assert decision.champion is not None
    assert decision.champion.holdout["roc_auc"] > 0.7


def test_a_champion_that_needs_features_which_are_gone_means_hold(nights: Nights) -> None:
    nights.night(AS_OF)
    later = AS_OF + timedelta(days=1)
    features = {"numeric": ["weight"], "categorical": ["city"]}
    nights.project = make_project(nights.folder, features=features, candidates=ONE)
    for back in range(DAYS):
        day = later - timedelta(days=back)
        nights.write_day(day, make_rows(day).drop(columns="distance"))
    result = nights.evaluate(later)
    assert (result.verdict, result.reason) == (
        "HOLD",
        "champion 1 could not be compared: the prepared features lack distance",
    )
    decision = _decision(nights, result)
    gate = _gate(decision, "not_worse_than_champion")
    assert gate.note == "champion not scored: the prepared features lack distance"
    assert gate.reference is None
    assert decision.champion is not None
    assert decision.champion.holdout == {}


def test_a_leak_is_rejected_by_the_alarm(nights: Nights) -> None:
    for back in range(DAYS):
        day = AS_OF - timedelta(days=back)
        frame = make_rows(day)
        nights.write_day(day, frame.assign(distance=frame["late"].astype("float64")))
    result = nights.evaluate(AS_OF)
    assert result.verdict == "REJECT"
    assert result.reason.startswith(
        "leak_alarm: roc_auc 1 is not <= 0.95 "
        "(too good to be true: look for a feature that is not known at prediction time); "
        "leakage: single_feature_auc 1 is not <= 0.93, but for chance (tells too much by itself: distance 1.0000); "
    )


def test_a_useless_model_is_rejected_by_every_gate_it_fails(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=ONE)
    for back in range(DAYS):
        day = AS_OF - timedelta(days=back)
        frame = make_rows(day)
        # what held while training is the other way round in the holdout
        turned = frame.assign(late=1 - frame["late"]) if back < HOLDOUT_DAYS else frame
        nights.write_day(day, turned)
    result = nights.evaluate(AS_OF)
    assert result.verdict == "REJECT"
    failed = [gate.kind for gate in _decision(nights, result).gates if not gate.passed]
    assert failed == ["minimum", "beats_baseline", "calibration"]
    assert "minimum: roc_auc 0." in result.reason
    assert "is not >= 0.6; beats_baseline: roc_auc 0." in result.reason


def test_a_holdout_of_one_class_is_refused(nights: Nights) -> None:
    plan = nights.plan(AS_OF)
    for day in plan.days[-HOLDOUT_DAYS:]:
        nights.write_day(day, make_rows(day).assign(late=np.int8(1)))
    with pytest.raises(EvaluationError) as caught:
        nights.evaluate(AS_OF)
    assert str(caught.value) == (
        f"holdout of parcels, {plan.holdout.first} to {plan.holdout.last}, challenger: both classes are needed to "
        "measure a model; got: 240 rows, all of class 1; hint: lengthen window.holdout_days, "
        "or look at the target's rule"
    )
    assert not list(nights.store.list("parcels/decisions/"))


def test_a_changed_model_file_is_rejected_and_the_evidence_kept(nights: Nights) -> None:
    champion = nights.night(AS_OF - timedelta(days=1))
    trained = tuple(nights.train(AS_OF, candidate.name) for candidate in nights.project.candidates)
    for each in trained:
        nights.store.put(keys.model_file("parcels", each.candidate_id, "model.skops"), b"changed")
    inputs = EvaluateInputs(**nights.inputs(AS_OF, "run"), plan=nights.plan(AS_OF), trained=trained)
    result = evaluate.run(nights.project, inputs)
    assert result.verdict == "REJECT"
    assert result.reason.startswith("the challenger cannot be used: ")
    assert "the bytes are not those the manifest names" in result.reason
    decision = _decision(nights, result)
    assert (decision.challenger.holdout, _gate(decision, "serves").passed) == ({}, False)
    with pytest.raises(CandidateRejectedError, match="the champion stays"):
        nights.promote(AS_OF, result)
    newest = Ledger(nights.store, "parcels").entries()[-1]
    assert (newest.verdict, newest.decision_id) == ("REJECT", result.decision_id)
    assert Ledger(nights.store, "parcels").in_force().champion is not None
    assert evaluate.run(nights.project, inputs) == result

    # once it is made again, it is judged anew
    healed = nights.evaluate(AS_OF, "run 2")
    assert healed.candidate_id == result.candidate_id
    assert healed.decision_id != result.decision_id
    assert healed.verdict != "REJECT"
    assert champion.champion_version == "1"


def test_challenger_and_champion_have_an_interval_on_this_holdout(nights: Nights) -> None:
    def judged_on(days: int, as_of: date) -> Decision:
        plan = nights.plan(as_of)
        judged = plan.model_copy(update={"holdout": Span(first=plan.days[-days], last=plan.days[-1])})
        trained = (nights.train(as_of, "linear"),)
        inputs = EvaluateInputs(**nights.inputs(as_of, "run"), plan=judged, trained=trained)
        result = evaluate.run(nights.project, inputs)
        nights.promote(as_of, result)
        return _decision(nights, result)

    reaches = {"kind": "leakage", "off": True, "because": "the longer holdout reaches into the train part"}
    gates = [gate.model_dump(exclude_unset=True) for gate in nights.project.gates]
    nights.project = make_project(nights.folder, gates=[*gates, reaches])
    short = judged_on(HOLDOUT_DAYS, AS_OF)
    assert short.challenger.interval is None
    first, second = (judged_on(DAYS - 2, AS_OF + timedelta(days=later)) for later in (1, 2))
    for decision in (first, second):
        for model in (decision.challenger, decision.champion):
            assert model is not None
            assert model.interval is not None
            low, high = model.interval
            assert low < model.holdout["roc_auc"] < high
    assert second.champion is not None
    assert second.champion.interval != first.challenger.interval


def test_a_late_run_whose_champion_retention_removed_goes_without_the_comparison(played_nights: Nights) -> None:
    release = keys.release_file("parcels", "1", "manifest.json")
    played_nights.store.delete(release)
    first, second = night_day(1), night_day(2)
    # of the first champion's own day, with other candidates than it had
    decision = _decision(played_nights, played_nights.evaluate(first, "late"))
    assert decision.champion is None
    assert (decision.verdict, decision.reason) == (
        "HOLD",
        f"not newer than the champion's data: {first} against {second}",
    )

    played_nights.store.delete(keys.release_file("parcels", "2", "manifest.json"))
    with pytest.raises(ObjectMissingError) as caught:
        played_nights.evaluate(night_day(5), "next")
    assert "the release of champion 2 is gone" in str(caught.value)
    assert "hint: ./nightshift reconcile parcels repairs the champion in force" in str(caught.value)


def test_a_backfill_leaves_the_challenger_of_the_newest_night(played_nights: Nights) -> None:
    tracking = Tracking(played_nights.tracking_url, "parcels", "file:///unused")
    before = tracking.version_of_alias("challenger")
    late = played_nights.evaluate(
        night_day(1), "late", origin=Origin(run_id="late", run_type="backfill", lock_hash="lock")
    )
    assert _decision(played_nights, late).challenger.version != before
    assert tracking.version_of_alias("challenger") == before
