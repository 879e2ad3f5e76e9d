"""A rollback takes effect in one write, is verified before and after, and what it took off stays out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include.domain.errors import ActRefusedError, NightshiftError, ObjectMissingError, PreconditionFailedError
from include.domain.promotion_rules import ROLLED_BACK
from include.io import keys
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.object_store import ObjectInfo
from include.io.releases import read_pointer
from include.operations.champion import pin, promote_version, roll_back, unpin
from include.operations.manual_action import ManualAction
from tests.support.model_nights import Nights, make_project
from tests.support.played_nights import LAX, WEAK, day, entries, in_force

MakeAct = Callable[..., ManualAction]


def test_a_rollback_puts_the_champion_before_back_in_force(nights: Nights, act: MakeAct) -> None:
    assert in_force(nights) == ("2", "2", "2")
    first = Ledger(nights.store, "parcels").champions()[1]
    change = roll_back(act("late parcels in Oslo"))
    assert in_force(nights) == ("1", "1", "1")
    assert (change.before and change.before.version, change.after.version, change.behind) == ("2", "1", ())
    entry = entries(nights)[-1]
    assert entry == change.entry == change.after
    assert (entry.kind, entry.verdict, entry.reason) == ("rollback", None, "late parcels in Oslo")
    assert (entry.origin.triggered_by, entry.origin.run_type) == ("ada", "local")
    assert (entry.as_of, entry.decision_id, entry.candidate_id) == (first.as_of, first.decision_id, first.candidate_id)


def test_to_any_earlier_champion(nights: Nights, act: MakeAct) -> None:
    promote_version(act(), "3")
    assert roll_back(act(), "1").after.version == "1"
    assert in_force(nights) == ("1", "1", "1")
    barred = {entry.candidate_id for entry in entries(nights) if entry.version in ("2", "3")}
    assert Ledger(nights.store, "parcels").in_force().barred == barred
    assert len(barred) == 2


REFUSED = [
    ("3", "version 3", "allowed: 1; hint: ./nightshift promote parcels 3 --reason ... puts it in force"),
    ("99", "version 99", "allowed: 1"),
]


@pytest.mark.parametrize(("version", "got", "rest"), REFUSED, ids=["judged", "unknown"])
def test_what_was_never_champion_is_refused(nights: Nights, act: MakeAct, version: str, got: str, rest: str) -> None:
    with pytest.raises(ActRefusedError) as refused:
        roll_back(act(), version)
    assert str(refused.value) == (
        f"the ledger of parcels: this version is none of the earlier champions; got: {got}; {rest}"
    )
    assert in_force(nights) == ("2", "2", "2")


def test_the_champion_and_the_last_one_are_refused(nights: Nights, act: MakeAct, tmp_path: Path) -> None:
    with pytest.raises(ActRefusedError) as refused:
        roll_back(act(), "2")
    assert str(refused.value) == f"the ledger of parcels: version 2 (as of {day(2)}) is the champion already"
    roll_back(act())
    with pytest.raises(ActRefusedError) as refused:
        roll_back(act())
    assert str(refused.value) == (
        "the ledger of parcels: there is no champion before this one to roll back to; "
        f"got: version 1 (as of {day(1)}); "
        "hint: ./nightshift promote parcels VERSION --reason ... puts any version that was judged in force"
    )
    nothing = replace(act(), store=LocalStore(f"file://{tmp_path / 'empty'}"))
    with pytest.raises(ActRefusedError, match="there is no champion yet, so there is nothing to roll back"):
        roll_back(nothing)


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_reason_is_needed(act: MakeAct, reason: str) -> None:
    with pytest.raises(ActRefusedError, match="parcels: a reason is needed: it is kept in the ledger for good"):
        act(reason)


def test_a_target_that_does_not_load_changes_nothing(nights: Nights, act: MakeAct) -> None:
    before = len(entries(nights))
    first = Ledger(nights.store, "parcels").champions()[1]
    nights.store.put(keys.release_file("parcels", "1", "model.skops"), b"spoilt")
    nights.store.delete(keys.model_file("parcels", first.candidate_id, "model.skops"))
    tracked = f"{keys.tracking_artifacts('parcels')}/{first.tracking_run_id}/artifacts/model/model.skops"
    nights.store.delete(tracked)
    with pytest.raises(ObjectMissingError) as refused:
        roll_back(act())
    assert "nothing holds the bytes of model.skops any more; got: looked at" in str(refused.value)
    assert tracked in str(refused.value)
    assert len(entries(nights)) == before
    assert in_force(nights) == ("2", "2", "2")


def test_a_damaged_target_is_made_whole_first(nights: Nights, act: MakeAct) -> None:
    key = keys.release_file("parcels", "1", "model.skops")
    whole = nights.store.get(key)
    nights.store.put(key, b"spoilt")
    roll_back(act())
    assert nights.store.get(key) == whole
    assert in_force(nights) == ("1", "1", "1")


class Interrupted(LocalStore):
    """Be a local store on which something happens right before the ledger's next entry is written."""

    def __init__(self, url: str, happens: Callable[[], Any]) -> None:
        super().__init__(url)
        self.happens: Callable[[], Any] | None = happens

    def put(self, key: str, data: bytes, **condition: Any) -> ObjectInfo:
        if key.startswith(keys.ledger_prefix("parcels")) and self.happens is not None:
            happens, self.happens = self.happens, None
            happens()
        return super().put(key, data, **condition)


def test_a_champion_that_changed_meanwhile_is_never_rolled_back(nights: Nights, act: MakeAct) -> None:
    meanwhile = Interrupted(nights.store_url, lambda: promote_version(act("meanwhile"), "3"))
    with pytest.raises(ActRefusedError) as refused:
        roll_back(replace(act(), store=meanwhile))
    assert str(refused.value) == (
        "the ledger of parcels: the champion changed meanwhile; nothing was done; "
        f"got: version 3 (as of {day(3)}); allowed: version 2 (as of {day(2)}); hint: look at it, and ask again"
    )
    assert not refused.value.retryable
    assert in_force(nights) == ("3", "3", "3")


class AnswerLost(LocalStore):
    """Be a local store that writes a ledger entry and then says that it was there already."""

    def put(self, key: str, data: bytes, **condition: Any) -> ObjectInfo:
        written = super().put(key, data, **condition)
        if key.startswith(keys.ledger_prefix("parcels")):
            raise PreconditionFailedError(key, "the key holds an object")
        return written


def test_an_act_whose_answer_was_lost_is_done_once(nights: Nights, act: MakeAct) -> None:
    before = len(entries(nights))
    change = roll_back(replace(act(), store=AnswerLost(nights.store_url)))
    assert change.entry == entries(nights)[-1]
    assert len(entries(nights)) == before + 1
    assert in_force(nights) == ("1", "1", "1")


def test_a_retry_of_the_same_run_rolls_back_once(nights: Nights, act: MakeAct) -> None:
    promote_version(act(), "3")
    asked = act(run_id="manual__1", dag_id="nightshift__rollback")
    first, again = roll_back(asked), roll_back(asked)
    assert first == again
    assert in_force(nights) == ("2", "2", "2")
    roll_back(act(run_id="manual__2", dag_id="nightshift__rollback"))
    assert in_force(nights) == ("1", "1", "1")


def test_a_rollback_does_not_wait_for_mlflow_and_says_so(nights: Nights, act: MakeAct) -> None:
    away = replace(act(), tracking_url=f"sqlite:///{nights.folder}")
    change = roll_back(away)
    pointer = read_pointer(nights.store, "parcels")
    assert pointer is not None and pointer.version == "1"
    (behind,) = change.behind
    assert behind.startswith("MLflow alias champion: unknown, sqlite:///")
    assert "unable to open database file" in behind
    assert in_force(nights) == ("1", "1", "2")


def test_of_many_at_once_one_wins_and_none_goes_too_far(nights: Nights, act: MakeAct) -> None:
    promote_version(act(), "3")

    def attempt(asked: ManualAction) -> str:
        try:
            return roll_back(asked, "2").after.version
        except NightshiftError as error:
            return type(error).__name__

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(attempt, [act() for _ in range(4)]))
    assert told == ["2", "ActRefusedError", "ActRefusedError", "ActRefusedError"]
    assert [entry.kind for entry in entries(nights)].count("rollback") == 1
    assert in_force(nights) == ("2", "2", "2")


def test_what_was_rolled_back_stays_out_when_its_night_runs_again(nights: Nights, act: MakeAct) -> None:
    roll_back(act("late parcels in Oslo"))
    again = nights.night(day(2), "the same night again")
    assert (again.verdict, again.reason, again.champion_version) == ("HOLD", ROLLED_BACK, "1")
    assert in_force(nights) == ("1", "1", "1")


def test_the_night_after_a_rollback_may_promote_a_new_model(nights: Nights, act: MakeAct) -> None:
    roll_back(act())
    tomorrow = nights.night(day(5))
    assert (tomorrow.verdict, tomorrow.champion_version) == ("PROMOTE", "5")
    assert tomorrow.reason.startswith("better than champion 1: roc_auc 0.")
    # and what was rolled back stays out of its own night for good
    assert nights.night(day(2), "the same night again").reason == ROLLED_BACK
    assert in_force(nights) == ("5", "5", "5")


def test_a_pinned_champion_holds_every_night_until_it_is_unpinned(nights: Nights, act: MakeAct) -> None:
    roll_back(act())
    pin(act("audit week"))
    held = nights.night(day(5))
    assert held.verdict == "HOLD"
    assert held.reason.startswith(
        "the champion is pinned by ada (audit week); it would be promoted: better than champion 1: roc_auc 0."
    )
    assert in_force(nights) == ("1", "1", "1")
    unpin(act("audit is over"))
    assert nights.night(day(5), "once more").verdict == "PROMOTE"
    assert in_force(nights) == ("5", "5", "5")


def test_a_worse_model_is_not_promoted_after_a_rollback(nights: Nights, act: MakeAct) -> None:
    promote_version(act(), "3")
    roll_back(act(), "2")
    nights.project = make_project(nights.folder, candidates=WEAK, gates=LAX)
    assert nights.night(day(5)).reason.startswith("not better than champion 2: roc_auc 0.")
    assert in_force(nights) == ("2", "2", "2")
