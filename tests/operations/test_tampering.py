"""What was written is what is read: a changed entry, decision, release or model is told, and nothing is done by it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from include.domain.decision import LedgerEntry
from include.domain.errors import ArtifactDamagedError, ChecksumMismatchError, NightshiftError
from include.domain.results import EvaluateResult, Origin
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import read_manifest, to_json
from include.io.models import load_champion
from include.operations.champion import promote_version, roll_back
from include.operations.manual_action import ManualAction
from include.operations.reconcile import Reconciled, reconcile
from tests.support.model_nights import Nights
from tests.support.played_nights import day, entries, in_force

MakeAct = Callable[..., ManualAction]


def deep(nights: Nights) -> Reconciled:
    return reconcile(nights.store, nights.tracking_url, "parcels", Origin(run_id="deep"), deep=True)


def edit(nights: Nights, key: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a stored JSON object by hand."""
    held = json.loads(nights.store.get(key))
    change(held)
    nights.store.put(key, (json.dumps(held, indent=2) + "\n").encode())


def test_each_entry_holds_the_sha256_of_what_it_is_about(played_nights: Nights, act: MakeAct) -> None:
    nights = played_nights
    roll_back(act())
    promote_version(act(), "3")
    before = ""
    for entry in entries(nights):
        assert entry.previous_sha256 == before
        data = nights.store.get(keys.ledger_entry("parcels", entry.number))
        before = hashlib.sha256(data).hexdigest()
        decision = nights.store.get(keys.decision("parcels", entry.decision_id))
        assert entry.decision_sha256 == hashlib.sha256(decision).hexdigest()
        if entry.kind in ("promotion", "rollback"):
            release = nights.store.get(keys.release_file("parcels", entry.version, "manifest.json"))
            assert entry.release_sha256 == hashlib.sha256(release).hexdigest()
    told = deep(nights)
    assert told.wrong == () and told.deep is not None
    assert told.deep.checked == {"ledger entries": 8, "decisions": 4, "releases": 3, "candidates": 4}


def test_a_release_published_again_has_the_same_bytes(played_nights: Nights) -> None:
    nights = played_nights
    key = keys.release_file("parcels", "2", "manifest.json")
    published = nights.store.get(key)
    for info in list(nights.store.list("parcels/releases/version=2/")):
        nights.store.delete(info.key)
    assert reconcile(nights.store, nights.tracking_url, "parcels", Origin(run_id="r")).left == ()
    assert nights.store.get(key) == published


def _decision_of(nights: Nights, version: str) -> LedgerEntry:
    return next(one for one in entries(nights) if (one.kind, one.version) == ("decision", version))


def _held_instead_of_rejected(nights: Nights) -> None:
    edit(nights, keys.ledger_entry("parcels", 6), lambda held: held.update(verdict="HOLD", reason="fine"))


def _rejected_decision(nights: Nights) -> None:
    rejected = _decision_of(nights, "4")
    edit(nights, keys.decision("parcels", rejected.decision_id), lambda held: held.update(verdict="HOLD"))


def _both_and_the_gates(nights: Nights) -> None:
    _held_instead_of_rejected(nights)

    def passed(held: dict[str, Any]) -> None:
        held["verdict"] = "HOLD"
        for gate in held["gates"]:
            if not gate["passed"]:
                gate.update(passed=True, outcome="passed")

    edit(nights, keys.decision("parcels", _decision_of(nights, "4").decision_id), passed)


@pytest.mark.parametrize("forge", [_held_instead_of_rejected, _rejected_decision, _both_and_the_gates])
def test_a_forged_rejection_is_promoted_by_nobody(
    played_nights: Nights, act: MakeAct, forge: Callable[[Nights], None]
) -> None:
    forge(played_nights)
    with pytest.raises(NightshiftError):
        promote_version(act(), "4")
    assert in_force(played_nights) == ("2", "2", "2")
    if forge is _rejected_decision:
        assert any("decision" in words for words in deep(played_nights).wrong)


def _verdict(held: dict[str, Any]) -> None:
    held["verdict"] = "PROMOTE"


def _gates_too(held: dict[str, Any]) -> None:
    held["verdict"] = "PROMOTE"
    for gate in held["gates"]:
        gate.update(passed=True, on_failure="hold")
        if "outcome" in gate:
            gate["outcome"] = "passed"


@pytest.mark.parametrize("kept", [True, False], ids=["sha256 kept", "result of before"])
@pytest.mark.parametrize("change", [_verdict, _gates_too])
def test_a_decision_changed_after_evaluate_is_not_published(
    played_nights: Nights, kept: bool, change: Callable[[dict[str, Any]], None]
) -> None:
    nights = played_nights
    rejected = _decision_of(nights, "4")
    key = keys.decision("parcels", rejected.decision_id)
    data = nights.store.get(key)
    evaluated = EvaluateResult(
        verdict="REJECT",
        reason=rejected.reason,
        decision_id=rejected.decision_id,
        decision_uri=nights.store.uri(key),
        decision_sha256=hashlib.sha256(data).hexdigest() if kept else "",
        challenger=rejected.candidate,
        candidate_id=rejected.candidate_id,
    )
    edit(nights, key, change)
    before = len(entries(nights))
    for verdict in ("REJECT", "PROMOTE"):
        if not kept and change is _gates_too and verdict == "PROMOTE":
            continue
        with pytest.raises((ChecksumMismatchError, ArtifactDamagedError)) as refused:
            nights.promote(day(4), evaluated.model_copy(update={"verdict": verdict}), "another run")
        assert key in str(refused.value)
    assert len(entries(nights)) == before
    assert in_force(nights) == ("2", "2", "2")


def test_another_model_in_the_release_of_the_champion_is_not_used(played_nights: Nights) -> None:
    nights = played_nights
    key = keys.release_file("parcels", "2", "manifest.json")
    mine, other = read_manifest(nights.store, key), read_manifest(nights.store, key.replace("=2", "=1"))
    assert mine is not None and other is not None
    # whole in itself: every file has the sha256 that the manifest names
    nights.store.put(key, to_json(mine.model_copy(update={"files": other.files})))
    champion = Ledger(nights.store, "parcels").champion()
    assert champion is not None
    with pytest.raises(ChecksumMismatchError, match="not the one that ledger entry 4 put in force"):
        load_champion(nights.store, champion)
    with pytest.raises(ChecksumMismatchError):
        nights.evaluate(day(6))
    assert deep(nights).wrong == ("release of version 2: its manifest is not what was put in force",)
    assert reconcile(nights.store, nights.tracking_url, "parcels", Origin(run_id="r")).left == ()
    assert read_manifest(nights.store, key) == mine


def test_a_changed_entry_is_told_by_the_one_after_it(played_nights: Nights, act: MakeAct) -> None:
    nights = played_nights
    edit(nights, keys.ledger_entry("parcels", 4), lambda held: held.update(reason="because I say so"))
    for asked in (lambda: deep(nights), lambda: nights.evaluate(day(6)), lambda: roll_back(act())):
        with pytest.raises(ArtifactDamagedError, match="not the one that entry 5 was written after"):
            asked()


def test_entries_of_before_the_chain_read_as_they_did(played_nights: Nights) -> None:
    nights = played_nights
    older = {"previous_sha256": "", "decision_sha256": "", "release_sha256": "", "highest_version": None}
    for entry in entries(nights):
        nights.store.put(keys.ledger_entry("parcels", entry.number), to_json(entry.model_copy(update=older)))
    assert deep(nights).wrong == ()
    assert nights.night(day(6)).verdict in ("PROMOTE", "HOLD")
    new = entries(nights)[6]
    assert (new.version, new.highest_version) == ("5", 5)
    sixth = nights.store.get(keys.ledger_entry("parcels", 6))
    assert new.previous_sha256 == hashlib.sha256(sixth).hexdigest()
    assert deep(nights).wrong == ()


def test_a_changed_candidate_and_lost_raw_manifests_are_found(played_nights: Nights) -> None:
    nights = played_nights
    held = _decision_of(nights, "3")
    nights.store.put(keys.model_file("parcels", held.candidate_id, "model.skops"), b"another")
    nights.store.put(keys.raw_table("parcels", day(1), "0123", "orders"), b"rows")
    wrong = deep(nights).wrong
    assert f"candidate {held.candidate_id}: model.skops is not what was written" in wrong
    assert any(words.startswith(f"raw data of {day(1)}") and "0123" in words for words in wrong)
