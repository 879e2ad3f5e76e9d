from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from include.domain.errors import CandidateRejectedError, StoreError, TrackingError
from include.domain.promotion_rules import ROLLED_BACK
from include.domain.results import Origin
from include.io import champion_alias, keys
from include.io.ledger import Ledger
from include.io.manifests import get_file, read_manifest
from include.io.releases import read_pointer
from include.io.tracking import Tracking
from include.io.tracking_database import busy_safe
from include.io.verdict_entries import VerdictWriter
from include.stages import promote
from tests.support.model_nights import DAYS, FIRST, NO_PROCESS, Nights, make_project, make_rows
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
NEXT = AS_OF + timedelta(days=1)
ONE = [{"name": "linear", "estimator": "logistic_regression"}]
WEAK = [{"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
MIDDLING = [{"name": "middling", "estimator": "xgboost", "params": {"n_estimators": 2, "max_depth": 2}}]
LAX: list[dict[str, Any]] = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path) -> Nights:
    copy_prepared(prepared_tracking, tmp_path)
    return Nights(tmp_path, make_project(tmp_path, candidates=ONE))


def _entries(nights: Nights) -> list[tuple[str, str, str]]:
    return [(entry.kind, entry.verdict, entry.version) for entry in Ledger(nights.store, "parcels").entries()]


def _alias(nights: Nights, alias: str = "champion") -> str | None:
    return Tracking(nights.tracking_url, "parcels", "file:///unused").version_of_alias(alias)


def _versions(nights: Nights) -> int:
    client = MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))
    return len(client.search_model_versions("name = 'parcels'"))


def _is_champion(nights: Nights, version: str) -> None:
    entry = Ledger(nights.store, "parcels").champion()
    pointer = read_pointer(nights.store, "parcels")
    assert entry is not None and pointer is not None
    assert (entry.version, pointer.version, _alias(nights)) == (version, version, version)
    assert (pointer.ledger_number, pointer.release_uri) == (entry.number, entry.release_uri)
    manifest = read_manifest(nights.store, nights.store.key_of(entry.release_uri))
    assert manifest is not None
    assert set(manifest.files) == {"model.skops", "signature.json", "training.json", "decision.json"}
    for ref in manifest.files.values():
        get_file(nights.store, ref)


def test_the_first_night_makes_a_champion(nights: Nights) -> None:
    result = nights.night(AS_OF)
    assert (result.verdict, result.ledger_number, result.champion_version) == ("PROMOTE", 1, "1")
    assert _entries(nights) == [("decision", "PROMOTE", "1"), ("promotion", "PROMOTE", "1")]
    _is_champion(nights, "1")
    report = nights.store.get(nights.store.key_of(result.report_uri)).decode()
    assert "PROMOTE" in report


def test_a_night_on_s3_keeps_models_and_mlflows_files_there(nights: Nights, s3_url: str) -> None:
    nights.s3_url = s3_url
    assert nights.night(AS_OF).verdict == "PROMOTE"
    _is_champion(nights, "1")
    tracked = nights.results[0].tracking_run_id
    found = {info.key.rpartition("/")[2] for info in nights.store.list(f"parcels/mlflow/{tracked}/artifacts/model/")}
    assert {"MLmodel", "model.skops"} <= found
    assert nights.night(AS_OF, "again").verdict == "HOLD"


def test_the_same_day_again_is_a_tie_and_makes_nothing_new(nights: Nights) -> None:
    first = nights.night(AS_OF, "run 1")
    champion = nights.results[0]
    again = nights.night(AS_OF, "run 2")
    assert (again.verdict, again.reason) == ("HOLD", "the challenger is champion 1 itself: a tie")
    assert (again.champion_version, first.champion_version) == ("1", "1")
    assert nights.results[0].candidate_id == champion.candidate_id
    assert _versions(nights) == 1
    nights.night(AS_OF, "run 3")
    assert _entries(nights)[2:] == [("decision", "HOLD", "1"), ("decision", "HOLD", "1")]


def test_a_store_that_was_moved_keeps_its_champion(nights: Nights) -> None:
    nights.night(AS_OF)
    (nights.folder / "store").rename(nights.folder / "elsewhere")
    moved = replace(nights, s3_url=f"file://{nights.folder / 'elsewhere'}")
    again = moved.night(AS_OF, "after the move")
    assert (again.verdict, again.reason) == ("HOLD", "the challenger is champion 1 itself: a tie")


def test_a_better_challenger_becomes_champion(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=WEAK, gates=LAX)
    nights.night(AS_OF)
    nights.project = make_project(nights.folder, candidates=ONE, gates=LAX)
    result = nights.night(NEXT)
    assert (result.verdict, result.champion_version) == ("PROMOTE", "2")
    assert result.reason.startswith("better than champion 1: roc_auc 0.")
    _is_champion(nights, "2")


@pytest.mark.parametrize(("margin", "verdict"), [(0.5, "HOLD"), (0.0, "REJECT")])
def test_a_worse_challenger_is_held_or_rejected_as_declared(nights: Nights, margin: float, verdict: str) -> None:
    nights.night(AS_OF)
    gate = {"kind": "not_worse_than_champion", "metric": "roc_auc", "margin": margin}
    nights.project = make_project(nights.folder, candidates=WEAK, gates=[gate])
    if verdict == "HOLD":
        assert nights.night(NEXT).reason.startswith("not better than champion 1: roc_auc 0.")
    else:
        with pytest.raises(CandidateRejectedError, match=r"not_worse_than_champion: roc_auc 0\.\d+ is not >= 0\.\d+"):
            nights.night(NEXT)
    assert _entries(nights)[2:] == [("decision", verdict, "2")]
    _is_champion(nights, "1")


def test_a_reject_of_the_champion_itself_says_once_that_it_no_longer_meets_the_minimum(nights: Nights) -> None:
    nights.night(AS_OF)
    raised = [{"kind": "minimum", "metric": "roc_auc", "value": 0.99}]
    nights.project = make_project(nights.folder, candidates=ONE, gates=raised)
    with pytest.raises(CandidateRejectedError) as caught:
        nights.night(AS_OF)
    assert str(caught.value).count("the model in production no longer meets your minimum") == 1


def test_a_reject_is_recorded_and_then_raised(nights: Nights) -> None:
    for back in range(DAYS):
        day = AS_OF - timedelta(days=back)
        frame = make_rows(day)
        nights.write_day(day, frame.assign(distance=frame["late"].astype("float64")))
    evaluated = nights.evaluate(AS_OF)
    for _ in range(2):
        with pytest.raises(CandidateRejectedError) as caught:
            nights.promote(AS_OF, evaluated)
    report = nights.store.uri(keys.decision_report("parcels", evaluated.decision_id))
    assert str(caught.value) == (
        f"parcels, decision {evaluated.decision_id}: a gate failed; there is still no champion; got: "
        "leak_alarm: roc_auc 1 is not <= 0.95 (too good to be true: look for a feature that is not known at prediction "
        "time); leakage: single_feature_auc 1 is not <= 0.93, but for chance (tells too much by itself: distance "
        "1.0000); leakage: features_same_as_target 1 is not <= 0 (the target under another name: distance); "
        f"hint: read the report: {report}"
    )
    assert not caught.value.retryable
    assert _entries(nights) == [("decision", "REJECT", "1")]
    assert read_pointer(nights.store, "parcels") is None
    assert _alias(nights) is None
    assert nights.store.exists(keys.decision_report("parcels", evaluated.decision_id))


def test_a_late_run_never_demotes_a_newer_champion(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=WEAK, gates=LAX)
    nights.night(NEXT)
    nights.project = make_project(nights.folder, candidates=ONE, gates=LAX)
    result = nights.night(AS_OF)
    assert (result.verdict, result.reason) == (
        "HOLD",
        f"not newer than the champion's data: {AS_OF} against {NEXT}",
    )
    _is_champion(nights, "1")


def test_another_candidate_of_the_champions_own_day_is_held(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=WEAK, gates=LAX)
    nights.night(AS_OF)
    nights.project = make_project(nights.folder, candidates=ONE, gates=LAX)
    result = nights.night(AS_OF, "run 2")
    assert (result.verdict, result.reason) == ("HOLD", f"not newer than the champion's data: {AS_OF} against {AS_OF}")
    _is_champion(nights, "1")


@pytest.mark.parametrize("declared", [True, False])
def test_promotion_mode_hold_records_and_never_promotes(nights: Nights, declared: bool) -> None:
    if declared:
        nights.project = make_project(nights.folder, candidates=ONE, promotion={"mode": "hold"})
    result = nights.night(AS_OF, **({} if declared else {"promotion_mode": "hold"}))
    assert (result.verdict, result.champion_version) == ("HOLD", "")
    assert _entries(nights) == [("decision", "HOLD", "1")]
    assert read_pointer(nights.store, "parcels") is None
    assert _alias(nights) is None


def test_a_challenger_overtaken_before_the_record_is_held(nights: Nights) -> None:
    slow = nights.evaluate(NEXT, "slow")
    nights.night(AS_OF, "quick")
    result = nights.promote(NEXT, slow, "slow")
    assert slow.verdict == "PROMOTE"
    assert (result.verdict, result.ledger_number) == ("HOLD", 3)
    assert result.reason == (
        "overtaken: the challenger was compared with no champion, and version 2 "
        f"(as of {AS_OF}) was put in force meanwhile; run again"
    )
    assert nights.promote(NEXT, slow, "slow") == result
    report = nights.store.get(nights.store.key_of(result.report_uri)).decode()
    assert "overtaken" in report
    _is_champion(nights, "2")


def test_a_challenger_overtaken_after_the_record_is_held(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = nights.evaluate(NEXT, "slow")
    publish = promote.publish_release

    def overtake(*args: Any) -> str:
        monkeypatch.setattr(promote, "publish_release", publish)
        nights.night(AS_OF, "quick")
        return publish(*args)

    monkeypatch.setattr(promote, "publish_release", overtake)
    result = nights.promote(NEXT, slow, "slow")
    assert (result.verdict, result.ledger_number) == ("HOLD", 4)
    assert [entry[:2] for entry in _entries(nights)] == [
        ("decision", "PROMOTE"),
        ("decision", "PROMOTE"),
        ("promotion", "PROMOTE"),
        ("decision", "HOLD"),
    ]
    assert nights.promote(NEXT, slow, "slow") == result
    assert len(_entries(nights)) == 4
    _is_champion(nights, "2")


def _act(nights: Nights, kind: str, version: str = "") -> None:
    """Write what a person does into the ledger: about the champion, or about an earlier one."""
    ledger = Ledger(nights.store, "parcels")
    about = next(entry for entry in ledger.champions() if version in ("", entry.version))
    changes = {"kind": kind, "verdict": None, "reason": "audit week", "origin": Origin(run_id="", triggered_by="ada")}
    ledger.append(lambda number, _: about.model_copy(update={"number": number, **changes}))


def _rolled_back_after_another_run(nights: Nights) -> None:
    """Let another run of the same day promote the same candidate, and a person roll it back."""
    nights.promote(NEXT, nights.evaluate(NEXT, "quick"), "quick")
    _is_champion(nights, "2")
    _act(nights, "rollback", "1")


MEANWHILE = [
    (lambda nights: _act(nights, "pin"), "overtaken: the champion was pinned meanwhile by ada (audit week)"),
    (_rolled_back_after_another_run, f"overtaken: {ROLLED_BACK}"),
]


@pytest.mark.parametrize("recorded", [False, True], ids=["before the record", "after the record"])
@pytest.mark.parametrize(("happens", "reason"), MEANWHILE, ids=["pinned", "rolled back"])
def test_what_a_person_did_meanwhile_holds_the_promotion(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, happens: Any, reason: str, recorded: bool
) -> None:
    nights.project = make_project(nights.folder, candidates=WEAK, gates=LAX)
    nights.night(AS_OF)
    nights.project = make_project(nights.folder, candidates=ONE, gates=LAX)
    slow = nights.evaluate(NEXT, "slow")
    assert slow.verdict == "PROMOTE"
    publish = promote.publish_release

    def late(*args: Any) -> str:
        monkeypatch.setattr(promote, "publish_release", publish)
        happens(nights)
        return publish(*args)

    if recorded:
        monkeypatch.setattr(promote, "publish_release", late)
    else:
        happens(nights)
    result = nights.promote(NEXT, slow, "slow")
    assert (result.verdict, result.reason, result.champion_version) == ("HOLD", reason, "1")
    assert nights.promote(NEXT, slow, "slow") == result
    _is_champion(nights, "1")


def test_a_champion_that_was_rolled_back_meanwhile_is_no_measure(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=WEAK, gates=LAX)
    nights.night(AS_OF)
    nights.project = make_project(nights.folder, candidates=MIDDLING, gates=LAX)
    nights.night(NEXT)
    nights.project = make_project(nights.folder, candidates=ONE, gates=LAX)
    newer = NEXT + timedelta(days=1)
    decided = nights.evaluate(newer, "slow")
    _act(nights, "rollback", "1")
    # proved against version 2, and against version 1 not at all
    assert decided.verdict == "PROMOTE"
    result = nights.promote(newer, decided, "slow")
    assert (result.verdict, result.reason) == (
        "HOLD",
        f"overtaken: the challenger was compared with version 2, and version 1 (as of {AS_OF}) was put in force "
        "meanwhile; run again",
    )
    _is_champion(nights, "1")


CRASHES = [
    (VerdictWriter, "record_decision", "before the decision's entry"),
    (promote, "publish_release", "before the release"),
    (VerdictWriter, "record_promotion", "before the promotion's entry"),
    (champion_alias, "point_at", "before the pointer"),
    (Tracking, "set_alias", "before the alias"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("place", "name", "when"), CRASHES, ids=[name for _, name, _ in CRASHES])
def test_a_crash_anywhere_is_healed_by_the_retry(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, when: str, after: bool
) -> None:
    evaluated = nights.evaluate(AS_OF)
    original = getattr(place, name)

    def crash(*args: Any, **more: Any) -> None:
        if after:
            original(*args, **more)
        raise StoreError("the store", f"went away {when}")

    with monkeypatch.context() as broken:
        broken.setattr(place, name, crash)
        with pytest.raises(StoreError):
            nights.promote(AS_OF, evaluated)
    result = nights.promote(AS_OF, evaluated)
    assert (result.verdict, result.ledger_number, result.champion_version) == ("PROMOTE", 1, "1")
    assert _entries(nights) == [("decision", "PROMOTE", "1"), ("promotion", "PROMOTE", "1")]
    _is_champion(nights, "1")


@pytest.mark.parametrize("name", ["point_at", "set_alias"])
def test_the_next_night_heals_what_a_killed_one_left(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def crash(*args: Any) -> None:
        raise TrackingError("MLflow", "went away")

    evaluated = nights.evaluate(AS_OF)
    with monkeypatch.context() as broken:
        broken.setattr(champion_alias if name == "point_at" else Tracking, name, crash)
        with pytest.raises(TrackingError):
            nights.promote(AS_OF, evaluated)
    nights.project = make_project(nights.folder, candidates=ONE, promotion={"mode": "hold"})
    assert nights.night(NEXT).verdict == "HOLD"
    _is_champion(nights, "1")


def test_a_night_without_promotion_survives_a_lost_alias(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.night(AS_OF)
    evaluated = nights.evaluate(AS_OF, "run 2")

    def down(*args: Any) -> None:
        raise TrackingError("MLflow", "is away")

    monkeypatch.setattr(Tracking, "version_of_alias", down)
    assert nights.promote(AS_OF, evaluated, "run 2").verdict == "HOLD"
