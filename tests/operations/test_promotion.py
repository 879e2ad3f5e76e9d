"""A person puts any judged version in force, whatever its age, but never one that a gate rejected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from include.domain.errors import (
    ActRefusedError,
    ArtifactDamagedError,
    CandidateRejectedError,
    ModelUntrustedError,
    ObjectMissingError,
)
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import Manifest, put_file, read_manifest, write_manifest
from include.io.releases import read_pointer
from include.operations import champion
from include.operations.champion import pin, promote_version, roll_back, unpin
from include.operations.manual_action import ManualAction
from tests.support.model_nights import Nights, make_project
from tests.support.played_nights import LAX, STRONG, day, entries, in_force

MakeAct = Callable[..., ManualAction]


def test_a_held_version_is_published_and_put_in_force(nights: Nights, act: MakeAct) -> None:
    key = keys.release_file("parcels", "3", "manifest.json")
    assert not nights.store.exists(key)
    change = promote_version(act("the numbers of May are right"), "3")
    assert in_force(nights) == ("3", "3", "3")
    assert (change.before and change.before.version, change.after.version, change.behind) == ("2", "3", ())
    decided, entry = entries(nights)[4], entries(nights)[-1]
    assert (entry.kind, entry.verdict, entry.reason) == ("promotion", None, "the numbers of May are right")
    assert (entry.origin.triggered_by, entry.decision_id) == ("ada", decided.decision_id)
    assert entry.release_uri == nights.store.uri(key)
    manifest = read_manifest(nights.store, key)
    assert manifest is not None
    assert set(manifest.files) == {"model.skops", "signature.json", "training.json", "decision.json"}
    assert manifest.fingerprint == entry.candidate_id


def test_an_older_version_is_put_above_a_newer_one_and_can_be_rolled_back(nights: Nights, act: MakeAct) -> None:
    promote_version(act(), "1")
    assert in_force(nights) == ("1", "1", "1")
    roll_back(act())
    assert in_force(nights) == ("2", "2", "2")


def test_what_was_rolled_back_is_free_again(nights: Nights, act: MakeAct) -> None:
    roll_back(act())
    promote_version(act("the source was wrong, not the model"), "2")
    assert in_force(nights) == ("2", "2", "2")
    again = nights.night(day(2), "the same night again")
    assert again.reason == "the challenger is champion 2 itself: a tie"


def test_a_rejected_version_is_promoted_by_nobody(nights: Nights, act: MakeAct) -> None:
    number = entries(nights)[-1].number
    with pytest.raises(CandidateRejectedError) as refused:
        promote_version(act(), "4")
    assert str(refused.value).startswith(
        "the ledger of parcels: version 4 was rejected, and a rejected model is promoted by nobody; "
        f"got: decision {number}: minimum: roc_auc 0."
    )
    assert in_force(nights) == ("2", "2", "2")
    assert not nights.store.exists(keys.release_file("parcels", "4", "manifest.json"))


def test_the_newest_decision_counts(nights: Nights, act: MakeAct) -> None:
    # the rejected one is judged again, under gates that it passes
    nights.project = make_project(nights.folder, candidates=STRONG, gates=LAX, promotion={"mode": "hold"})
    assert nights.night(day(4), "judged again").verdict == "HOLD"
    assert entries(nights)[-1].version == "4"
    promote_version(act(), "4")
    assert in_force(nights) == ("4", "4", "4")


def test_a_version_without_a_decision_is_refused(nights: Nights, act: MakeAct) -> None:
    with pytest.raises(ActRefusedError) as refused:
        promote_version(act(), "9")
    assert str(refused.value) == (
        "the ledger of parcels: no decision about this version: a model without evidence is promoted by nobody; "
        "got: version 9; allowed: 1, 2, 3"
    )


def test_the_champion_itself_is_refused(nights: Nights, act: MakeAct) -> None:
    with pytest.raises(ActRefusedError) as refused:
        promote_version(act(), "2")
    assert str(refused.value) == ("the ledger of parcels: version 2 is the champion already; got: since ledger entry 4")


def test_a_pin_holds_a_promotion_by_hand_and_not_a_rollback(nights: Nights, act: MakeAct) -> None:
    pin(act("audit week"))
    with pytest.raises(ActRefusedError) as refused:
        promote_version(act(), "3")
    assert str(refused.value) == (
        f"the ledger of parcels: the champion, version 2 (as of {day(2)}), is pinned by ada (audit week); "
        "got: promote 3; hint: ./nightshift unpin parcels --reason ... comes first"
    )
    assert not nights.store.exists(keys.release_file("parcels", "3", "manifest.json"))
    roll_back(act("an emergency"))
    assert in_force(nights) == ("1", "1", "1")
    now = Ledger(nights.store, "parcels").in_force()
    assert now.pin is not None and now.pin.reason == "audit week"
    unpin(act())
    promote_version(act(), "3")
    assert in_force(nights) == ("3", "3", "3")


def test_pins_are_put_on_and_taken_off_once(nights: Nights, act: MakeAct) -> None:
    with pytest.raises(ActRefusedError, match=r"the ledger of parcels: nothing is pinned; hint: \./nightshift pin"):
        unpin(act())
    change = pin(act("audit week"))
    assert (change.entry.kind, change.entry.version, change.after.version) == ("pin", "2", "2")
    with pytest.raises(ActRefusedError) as refused:
        pin(act("another week"))
    assert str(refused.value) == (
        f"the ledger of parcels: the champion, version 2 (as of {day(2)}), is pinned already by ada (audit week); "
        f"got: since ledger entry {change.entry.number}; hint: ./nightshift unpin parcels --reason ... takes it off"
    )
    assert unpin(act("over")).entry.kind == "unpin"
    assert [entry.kind for entry in entries(nights)][-2:] == ["pin", "unpin"]
    assert Ledger(nights.store, "parcels").in_force().pin is None
    nothing = replace(act(), project="other")
    with pytest.raises(ActRefusedError, match="the ledger of other: there is no champion yet, so there is nothing to"):
        pin(nothing)


def test_a_retry_of_the_same_run_pins_once(nights: Nights, act: MakeAct) -> None:
    asked = act("audit week", run_id="manual__1", dag_id="nightshift__pin")
    assert pin(asked) == pin(asked)
    assert [entry.kind for entry in entries(nights)].count("pin") == 1


def test_a_candidate_that_is_gone_is_not_promoted(nights: Nights, act: MakeAct) -> None:
    decided = entries(nights)[4]
    nights.store.delete(keys.model_manifest("parcels", decided.candidate_id))
    with pytest.raises(ObjectMissingError) as refused:
        promote_version(act(), "3")
    assert "the release of version 3 cannot be published again: no manifest says which bytes it had" in str(
        refused.value
    )
    assert in_force(nights) == ("2", "2", "2")


def test_a_model_that_may_not_be_loaded_is_not_promoted(nights: Nights, act: MakeAct) -> None:
    decided = entries(nights)[4]
    key = keys.model_manifest("parcels", decided.candidate_id)
    manifest = read_manifest(nights.store, key)
    assert manifest is not None
    ref = put_file(nights.store, keys.model_file("parcels", decided.candidate_id, "model.skops"), b"no model")
    files = {**manifest.files, "model.skops": ref}
    write_manifest(nights.store, key, manifest.model_copy(update={"files": files}))
    with pytest.raises(ModelUntrustedError, match="not a model file of ours"):
        promote_version(act(), "3")
    assert in_force(nights) == ("2", "2", "2")


def test_a_release_of_another_candidate_is_refused(nights: Nights, act: MakeAct) -> None:
    promote_version(act(), "3")
    roll_back(act())
    key = keys.release_file("parcels", "3", "manifest.json")
    manifest = read_manifest(nights.store, key)
    assert manifest is not None
    write_manifest(nights.store, key, Manifest.model_validate({**manifest.model_dump(), "fingerprint": "other"}))
    with pytest.raises(ArtifactDamagedError, match="the release is of another candidate than the ledger says"):
        promote_version(act(), "3")


def test_the_next_night_heals_an_act_that_was_killed_after_its_entry(
    nights: Nights, act: MakeAct, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> tuple[str, ...]:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(champion, "have_views_follow", killed)
        with pytest.raises(KeyboardInterrupt):
            promote_version(act(), "3")
    pointer = read_pointer(nights.store, "parcels")
    assert pointer is not None and pointer.version == "2"
    assert nights.night(day(3), "the next night").verdict == "HOLD"
    assert in_force(nights) == ("3", "3", "3")
