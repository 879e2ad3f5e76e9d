"""Champions form a stack: promotions go on top, a rollback takes off what is above its target and bars it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from include.domain.champion import NIGHTS_KEPT, champion_after, champions, settle, state_after
from include.domain.decision import LedgerEntry, Standing

MakeEntry = Callable[..., LedgerEntry]


@pytest.fixture
def play(make_entry: MakeEntry) -> Callable[..., list[LedgerEntry]]:
    """Return a player of acts: "promotion 2" makes version 2, of candidate c2, champion."""

    def play(*acts: str) -> list[LedgerEntry]:
        history: list[LedgerEntry] = []
        for number, act in enumerate(acts, start=1):
            kind, _, version = act.partition(" ")
            entry = make_entry(number, kind=kind, version=version, candidate_id=f"c{version}")
            history.append(settle(entry, history))
        return history

    return play


STACKS = [
    # acts, versions a rollback can go back to (the champion first), barred candidates
    ((), "", ""),
    (("decision 1",), "", ""),
    (("promotion 1",), "1", ""),
    (("promotion 1", "decision 2", "promotion 2"), "2 1", ""),
    (("promotion 1", "promotion 2", "rollback 1"), "1", "c2"),
    (("promotion 1", "promotion 2", "promotion 3", "rollback 2"), "2 1", "c3"),
    (("promotion 1", "promotion 2", "promotion 3", "rollback 1"), "1", "c3 c2"),
    (("promotion 1", "promotion 2", "promotion 3", "rollback 2", "rollback 1"), "1", "c3 c2"),
    (("promotion 1", "promotion 2", "rollback 1", "promotion 3"), "3 1", "c2"),
    (("promotion 1", "promotion 2", "rollback 1", "promotion 3", "rollback 1"), "1", "c2 c3"),
    # a person puts back what was rolled back: it is free again, and what it is put on stays below it
    (("promotion 1", "promotion 2", "rollback 1", "promotion 2"), "2 1", ""),
    # an older version put on top of a newer one: a rollback goes back to the newer one and bars the older
    (("promotion 1", "promotion 2", "promotion 1"), "1 2 1", ""),
    (("promotion 1", "promotion 2", "promotion 1", "rollback 2"), "2 1", "c1"),
    # and when it is gone back to after all, it is in force and free
    (("promotion 1", "promotion 2", "promotion 1", "rollback 2", "rollback 1"), "1", "c2"),
    # going back below a candidate to that very candidate bars only what lay between
    (("promotion 1", "promotion 2", "promotion 1", "promotion 3", "rollback 1"), "1 2 1", "c3"),
]


@pytest.mark.parametrize(
    ("acts", "stack", "barred"), STACKS, ids=[" ".join(acts) or "nothing" for acts, _, _ in STACKS]
)
def test_the_stack_of_champions(
    acts: tuple[str, ...], stack: str, barred: str, play: Callable[..., list[LedgerEntry]]
) -> None:
    history = play(*acts)
    now = champion_after(history)
    assert " ".join(entry.version for entry in champions(history)) == stack
    assert " ".join(state_after(history).barred) == barred
    assert now.barred == set(barred.split())
    assert (now.champion.version if now.champion else "") == stack[:1]


def test_each_champion_names_the_one_that_a_rollback_goes_back_to(play: Callable[..., list[LedgerEntry]]) -> None:
    history = play("promotion 1", "promotion 2", "decision 3", "promotion 3", "rollback 2")
    assert [entry.previous for entry in history] == [0, 1, 0, 2, 1]


def test_a_pin_stays_until_it_is_taken_off_whatever_comes_between(play: Callable[..., list[LedgerEntry]]) -> None:
    history = play("promotion 1", "promotion 2", "pin 2", "decision 3", "rollback 1", "unpin 1", "decision 4")
    assert [entry.standing.pin for entry in history] == [0, 0, 3, 3, 3, 0, 0]
    assert champion_after(history[:5]).pin == history[2]
    assert champion_after(history).pin is None
    assert history[-1].standing == Standing(champion=5, pin=0, barred=("c2",))


@pytest.mark.parametrize("version", ["3", "2"])
def test_nothing_but_a_champion_of_the_stack_is_gone_back_to(
    version: str, play: Callable[..., list[LedgerEntry]]
) -> None:
    with pytest.raises(ValueError, match=f"version {version} of flights is no champion that a rollback can go back to"):
        play("promotion 1", "promotion 2", "rollback 1", f"rollback {version}")


def test_a_barred_candidate_is_named_once(play: Callable[..., list[LedgerEntry]]) -> None:
    acts = ("promotion 1", "promotion 2", "rollback 1", "promotion 2", "rollback 1")
    assert play(*acts)[-1].standing.barred == ("c2",)


def test_the_champion_as_of_a_day_is_never_one_that_was_rolled_back(make_entry: MakeEntry) -> None:
    history: list[LedgerEntry] = []
    for number, (kind, version, day) in enumerate(
        [("promotion", "1", 1), ("promotion", "2", 3), ("promotion", "3", 5), ("rollback", "1", 1)], start=1
    ):
        entry = make_entry(number, kind=kind, version=version, candidate_id=f"c{version}", as_of=date(2013, 5, day))
        history.append(settle(entry, history))
    assert [entry.as_of.day for entry in champions(history)] == [1]
    assert [entry.as_of.day for entry in champions(history[:3])] == [5, 3, 1]


def test_the_newest_nights_are_carried_on_by_whatever_comes_after(make_entry: MakeEntry) -> None:
    history: list[LedgerEntry] = []

    def add(kind: str, day: int, value: float | None, **changes: object) -> tuple[tuple[date, str, float], ...]:
        entry = make_entry(
            len(history) + 1, kind=kind, as_of=date(2013, 5, day), metric="roc_auc", value=value, version="1", **changes
        )
        history.append(settle(entry, history))
        return history[-1].standing.nights

    assert add("decision", 2, 0.6) == ((date(2013, 5, 2), "roc_auc", 0.6),)
    first = ((date(2013, 5, 1), "roc_auc", 0.7), (date(2013, 5, 2), "roc_auc", 0.6))
    assert add("decision", 1, 0.7) == first
    for kind in ("promotion", "pin", "unpin", "promotion", "rollback"):
        assert add(kind, 9, 0.9) == first
    assert add("decision", 9, 0.9, verdict="REJECT") == first
    assert add("decision", 9, 0.9, verdict="HOLD", approval={"answer": "rejected", "reason": "a leak"}) == first
    assert add("decision", 9, None) == first
    backfill = {"run_id": "backfill__1", "run_type": "backfill"}
    assert add("decision", 9, 0.9, origin=backfill) == first
    assert add("decision", 2, 0.5) == (first[0], (date(2013, 5, 2), "roc_auc", 0.5))


def test_only_the_newest_nights_are_kept(make_entry: MakeEntry) -> None:
    history: list[LedgerEntry] = []
    days = [date(2013, 5, 1) + timedelta(days=number) for number in range(NIGHTS_KEPT + 5)]
    # the oldest comes last: it is not put before the newer ones
    for day in [*days[1:], days[0]]:
        entry = make_entry(len(history) + 1, kind="decision", as_of=day, metric="f1", value=day.day / 100)
        history.append(settle(entry, history))
    assert history[-1].standing.nights == tuple((day, "f1", day.day / 100) for day in days[-NIGHTS_KEPT:])
