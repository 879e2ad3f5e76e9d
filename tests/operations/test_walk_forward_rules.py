"""The walk-forward record judges by the gates declared now, on what the decisions hold or can be measured again."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.domain.decision import LedgerEntry, Night
from include.domain.evidence import Runtime
from include.domain.results import Origin
from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.local_store import LocalStore
from include.io.manifests import to_json
from include.operations.history import walk_forward
from tests.stages.shop import contents
from tests.support.model_nights import FIRST, NO_PROCESS, Nights, make_project
from tests.support.tracking import copy_prepared

WEAK = [{"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
STRONG = [{"name": "linear", "estimator": "logistic_regression"}]
LAX: list[dict[str, Any]] = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]
DAYS = [FIRST + timedelta(days=20 + number) for number in range(3)]
COMPARISONS = "parcels/decisions/comparisons/"


class _Backfill(Nights):
    """Play nights as the runs of a backfill."""

    def inputs(self, as_of: Any, run_id: str, **more: Any) -> dict[str, Any]:
        origin = Origin(run_id=run_id, run_type="backfill", lock_hash="lock")
        return {**super().inputs(as_of, run_id, **more), "origin": origin}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    """Return a backfill of three days, a weak candidate first; no decision has a champion. Not to be changed."""
    folder = tmp_path_factory.mktemp("ruled")
    copy_prepared(prepared_tracking, folder)
    nights = _Backfill(folder, make_project(folder, candidates=WEAK, gates=LAX))
    nights.night(DAYS[0])
    nights.project = make_project(folder, candidates=STRONG, gates=LAX)
    for day in DAYS[1:]:
        nights.night(day)
    return nights


@pytest.fixture
def copied(played: Nights, tmp_path: Path) -> Nights:
    """Return a copy of it that may be changed."""
    shutil.copytree(played.folder / "store", tmp_path / "store")
    return Nights(tmp_path, played.project)


def _walk(nights: Nights, *gates: dict[str, Any], **changes: Any) -> list[Night]:
    asked = {gate["kind"] for gate in gates}
    kept = [gate for gate in LAX if gate["kind"] not in asked]
    project = make_project(nights.folder, candidates=STRONG, gates=[*kept, *gates], **changes)
    return walk_forward(nights.store, project)


def _kept(nights: Nights) -> dict[str, bytes]:
    return contents(LocalStore(nights.store_url), COMPARISONS)


def _decisions(nights: Nights) -> list[LedgerEntry]:
    return sorted(Ledger(nights.store, "parcels").entries(), key=lambda entry: entry.as_of)


def test_without_more_gates_the_second_is_better_and_the_third_is_not(copied: Nights) -> None:
    record = _walk(copied)
    assert [night.verdict for night in record] == ["PROMOTE", "PROMOTE", "HOLD"]
    assert record[1].reason.startswith(f"better than champion {record[0].version}: roc_auc 0.")


def test_a_margin_is_judged_on_numbers_that_are_known(copied: Nights) -> None:
    _walk(copied)
    kept = _kept(copied)
    record = _walk(copied, {"kind": "better_than_champion", "metric": "roc_auc", "margin": 0.9})
    assert [night.verdict for night in record] == ["PROMOTE", "HOLD", "HOLD"]
    assert record[1].reason.startswith(f"not better than champion {record[0].version} by more than 0.9: roc_auc 0.")
    # the third night meets another champion now
    assert kept.items() <= _kept(copied).items()
    assert len(_kept(copied)) == len(kept) + 1


def test_another_confidence_is_measured_again(copied: Nights) -> None:
    _walk(copied)
    kept = _kept(copied)
    record = _walk(copied, {"kind": "better_than_champion", "metric": "roc_auc", "confidence": 0.8})
    # the two pairs once more, and the first challenger, who meets nobody
    assert len(_kept(copied)) == 2 * len(kept) + 1
    assert record[2].verdict == "PROMOTE" or "with 0.8 confidence" in record[2].reason


@pytest.mark.parametrize("max_ece", [0.9, 0.0001])
def test_a_gate_of_today_is_judged_on_rows_of_then(copied: Nights, max_ece: float) -> None:
    gate = {"kind": "calibration", "bins": 4, "max_ece": max_ece}
    record = _walk(copied, gate)
    strict = max_ece < 0.1
    assert [night.verdict for night in record] == (["REJECT"] * 3 if strict else ["PROMOTE", "PROMOTE", "HOLD"])
    assert record[0].reason.startswith("calibration: ece 0.") is strict
    kept = _kept(copied)
    assert all(b'"ece"' in each for each in kept.values())
    # the bound is judged, not measured: nothing is scored again where the champions are the same
    _walk(copied, {**gate, "max_ece": max_ece * 1.01})
    assert _kept(copied) == kept


def test_what_nobody_measured_that_night_is_left_out_and_named(copied: Nights) -> None:
    record = _walk(copied, {"kind": "latency", "max_p95_ms": 1000.0, "max_times_champion": 3.0})
    assert [night.verdict for night in record] == ["PROMOTE", "PROMOTE", "HOLD"]
    for night in record:
        assert night.left_out == ("latency: p95 <= 1000", "latency: p95 <= 3 x the champion's")
    assert all(night.left_out == () for night in _walk(copied))


def test_a_second_model_takes_over_though_nobody_clocked_the_champion_of_the_record(
    tmp_path: Path, prepared_tracking: Path
) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    declared = [LAX[0], {"kind": "latency", "max_p95_ms": 1000.0, "max_times_champion": 3.0}]
    nights = _Backfill(tmp_path, make_project(tmp_path, candidates=WEAK, gates=declared))
    nights.night(DAYS[0])
    nights.project = make_project(tmp_path, candidates=STRONG, gates=declared)
    nights.night(DAYS[1])
    first, second = walk_forward(nights.store, nights.project)
    assert (first.verdict, first.left_out) == ("PROMOTE", ())
    # it was clocked alone: a backfill promotes nothing, so there was no champion beside it
    assert (second.verdict, second.left_out) == ("PROMOTE", ("latency: p95 <= 3 x the champion's",))


def test_a_release_that_did_not_serve_is_not_left_out(copied: Nights) -> None:
    for entry in _decisions(copied):
        decision = read_decision(copied.store, "parcels", entry.decision_id)
        broken = Runtime(asked=True, error="the challenger does not load", size_mb=0.1)
        measured = decision.measurements.model_copy(update={"runtime": broken})
        copied.store.put(
            keys.decision("parcels", entry.decision_id), to_json(decision.model_copy(update={"measurements": measured}))
        )
    record = _walk(copied, {"kind": "serves"}, {"kind": "latency"})
    assert [(night.verdict, night.left_out) for night in record] == [("REJECT", ())] * 3
    assert "does not load" in record[0].reason


def test_what_the_night_itself_measured_is_judged_by_the_bound_of_today(copied: Nights) -> None:
    sizes = {
        entry.as_of: read_decision(copied.store, "parcels", entry.decision_id).measurements.runtime
        for entry in _decisions(copied)
    }
    assert all(found is not None and found.size_mb > 0 for found in sizes.values())
    assert [night.verdict for night in _walk(copied, {"kind": "size", "max_mb": 50.0})] == [
        "PROMOTE",
        "PROMOTE",
        "HOLD",
    ]
    record = _walk(copied, {"kind": "size", "max_mb": 0.0001})
    assert [night.verdict for night in record] == ["REJECT"] * 3
    assert record[2].reason.startswith("size: size 0.")


def test_a_challenger_that_was_refused_unmeasured_stays_rejected(copied: Nights) -> None:
    second = _decisions(copied)[1]
    decision = read_decision(copied.store, "parcels", second.decision_id)
    refused = decision.model_copy(
        update={
            "verdict": "REJECT",
            "reason": "the challenger cannot be used: its scores are no probabilities",
            "challenger": decision.challenger.model_copy(update={"holdout": {}}),
        }
    )
    copied.store.put(keys.decision("parcels", second.decision_id), to_json(refused))
    record = _walk(copied)
    assert [night.verdict for night in record] == ["PROMOTE", "REJECT", "PROMOTE"]
    assert (record[1].reason, record[1].value, record[1].champion_value) == (refused.reason, None, None)
    assert record[2].reason.startswith(f"better than champion {record[0].version}: ")


def test_a_champion_of_the_decision_needs_no_scoring(tmp_path: Path, prepared_tracking: Path) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    gates = [*LAX, {"kind": "calibration", "bins": 4, "max_ece": 0.9}]
    nights = Nights(tmp_path, make_project(tmp_path, candidates=WEAK, gates=gates))
    nights.night(DAYS[0])
    nights.project = make_project(tmp_path, candidates=STRONG, gates=gates)
    assert nights.night(DAYS[1]).verdict == "PROMOTE"
    for gone in ("features", "models"):
        shutil.rmtree(tmp_path / "store" / "parcels" / gone)
    # other bounds, on the numbers of then
    for max_ece, verdicts in ((0.8, ["PROMOTE", "PROMOTE"]), (0.0001, ["REJECT", "REJECT"])):
        asked = make_project(tmp_path, candidates=STRONG, gates=[*LAX, {**gates[-1], "max_ece": max_ece}])
        assert [night.verdict for night in walk_forward(nights.store, asked)] == verdicts
    # other bins would have to be measured, and the rows are gone
    asked = make_project(tmp_path, candidates=STRONG, gates=[*LAX, {**gates[-1], "bins": 5}])
    record = walk_forward(nights.store, asked)
    assert [night.verdict for night in record] == ["HOLD", "HOLD"]
    assert record[0].reason.startswith("the challenger could not be measured by the rules as they are now: ")
    assert not list(nights.store.list(COMPARISONS))
