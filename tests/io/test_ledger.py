"""History is numbered without gaps, whoever writes at once, and says who was champion when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from include.domain.decision import LedgerEntry
from include.domain.errors import ArtifactDamagedError
from include.io import keys
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore

WRITERS = 4
EACH = 4

MakeEntry = Callable[..., LedgerEntry]


def append(ledger: Ledger, make_entry: MakeEntry, **changes: object) -> LedgerEntry:
    return ledger.append(lambda number, history: make_entry(number, **changes))


def test_an_empty_ledger_has_no_champion(store: ObjectStore) -> None:
    ledger = Ledger(store, "flights")
    assert ledger.entries() == []
    assert ledger.champion() is None
    assert ledger.find("d1", "decision") is None


def test_entries_are_numbered_and_never_change(store: ObjectStore, make_entry: MakeEntry) -> None:
    ledger = Ledger(store, "flights")
    written = [append(ledger, make_entry, reason=reason) for reason in ("one", "two", "three")]
    assert [entry.number for entry in written] == [1, 2, 3]
    assert Ledger(store, "flights").entries() == written
    assert Ledger(store, "other").entries() == []


def test_the_builder_sees_the_history_before_its_entry(store: ObjectStore, make_entry: MakeEntry) -> None:
    ledger = Ledger(store, "flights")
    seen: list[list[str]] = []

    def build(number: int, history: Sequence[LedgerEntry]) -> LedgerEntry:
        seen.append([entry.decision_id for entry in history])
        assert len(history) == number - 1
        assert [entry.number for entry in history[-2:]] == list(range(max(1, number - 2), number))
        return make_entry(number)

    for _ in range(4):
        ledger.append(build)
    assert seen == [[], ["d1"], ["d1", "d2"], ["d1", "d2", "d3"]]


def test_a_builder_that_raises_appends_nothing(store: ObjectStore, make_entry: MakeEntry) -> None:
    def refuse(number: int, history: Sequence[LedgerEntry]) -> LedgerEntry:
        raise KeyError("not newer than the champion")

    with pytest.raises(KeyError):
        Ledger(store, "flights").append(refuse)
    with pytest.raises(ValueError, match="entry 1 of flights was asked for, got 7 of flights"):
        Ledger(store, "flights").append(lambda number, history: make_entry(7))
    assert Ledger(store, "flights").entries() == []


def test_a_writer_that_loses_its_number_builds_anew(store: ObjectStore, make_entry: MakeEntry) -> None:
    asked: list[int] = []

    def build(number: int, history: Sequence[LedgerEntry]) -> LedgerEntry:
        asked.append(number)
        if number == 1:
            append(Ledger(store, "flights"), make_entry, reason="faster")
        return make_entry(number, reason=f"after {[entry.reason for entry in history]}")

    assert Ledger(store, "flights").append(build).reason == "after ['faster']"
    assert asked == [1, 2]


def test_concurrent_writers_leave_no_gap_and_lose_nothing(store: ObjectStore, make_entry: MakeEntry) -> None:
    def write(writer: int) -> list[int]:
        ledger = Ledger(store, "flights")
        return [append(ledger, make_entry, decision_id=f"{writer}-{turn}").number for turn in range(EACH)]

    with ThreadPoolExecutor(WRITERS) as pool:
        numbers = [number for numbers in pool.map(write, range(WRITERS)) for number in numbers]
    assert sorted(numbers) == list(range(1, WRITERS * EACH + 1))
    entries = Ledger(store, "flights").entries()
    assert [entry.number for entry in entries] == list(range(1, WRITERS * EACH + 1))
    assert {entry.decision_id for entry in entries} == {f"{w}-{t}" for w in range(WRITERS) for t in range(EACH)}


def test_the_champion_is_the_newest_promotion_of_its_time(store: ObjectStore, make_entry: MakeEntry) -> None:
    ledger = Ledger(store, "flights")
    append(ledger, make_entry, as_of=date(2013, 5, 1), decision_id="a", version="1", candidate_id="c1")
    append(ledger, make_entry, as_of=date(2013, 5, 3), decision_id="b", version="2", candidate_id="c2")
    append(ledger, make_entry, as_of=date(2013, 5, 4), decision_id="c", kind="decision", verdict="HOLD")

    def champion(as_of: date | None = None) -> str | None:
        entry = Ledger(store, "flights").champion(as_of)
        return entry and entry.decision_id

    assert champion() == champion(date(2013, 5, 3)) == "b"
    assert champion(date(2013, 5, 2)) == "a"
    assert champion(date(2013, 4, 30)) is None
    append(ledger, make_entry, as_of=date(2013, 5, 1), decision_id="a", version="1", candidate_id="c1", kind="rollback")
    # what was rolled back is no champion of any day any more
    assert champion() == champion(date(2013, 5, 9)) == "a"
    assert [entry.number for entry in Ledger(store, "flights").champions()] == [4]
    assert Ledger(store, "flights").in_force().barred == {"c2"}


def test_an_act_is_told_and_a_promotion_that_follows_its_decision_is_not(
    store: ObjectStore, make_entry: MakeEntry
) -> None:
    ledger = Ledger(store, "flights")
    for kind, verdict in [("decision", "PROMOTE"), ("promotion", "PROMOTE"), ("pin", None), ("promotion", None)]:
        append(ledger, make_entry, kind=kind, verdict=verdict)
    append(ledger, make_entry, kind="decision", verdict="HOLD")
    assert [entry.number for entry in ledger.told(9)] == [5, 4, 3, 1]
    assert [entry.number for entry in ledger.told(2)] == [5, 4]
    assert [entry.number for entry in ledger.newest(9)] == [5, 1]


def test_a_decision_is_found_again_by_kind(store: ObjectStore, make_entry: MakeEntry) -> None:
    ledger = Ledger(store, "flights")
    append(ledger, make_entry, decision_id="a", kind="decision")
    append(ledger, make_entry, decision_id="a", kind="promotion")
    found = {kind: ledger.find("a", kind) for kind in ("decision", "promotion")}  # type: ignore[arg-type]
    assert {kind: entry and entry.number for kind, entry in found.items()} == {"decision": 1, "promotion": 2}
    assert ledger.find("b", "decision") is None


def test_a_night_reads_only_the_newest_entries(store: ObjectStore, make_entry: MakeEntry) -> None:
    for _ in range(5):
        append(Ledger(store, "flights"), make_entry)
    # an old entry that cannot be read is not in the way of what does not need it
    store.put(keys.ledger_entry("flights", 1), b"{")
    newest = Ledger(store, "flights").champion()
    assert newest is not None
    assert newest.number == 5
    assert append(Ledger(store, "flights"), make_entry).number == 6
    with pytest.raises(ArtifactDamagedError, match=r"00000001.json: not a LedgerEntry of this version"):
        Ledger(store, "flights").entries()


def test_a_missing_entry_is_never_written_over(store: ObjectStore, make_entry: MakeEntry) -> None:
    for _ in range(3):
        append(Ledger(store, "flights"), make_entry)
    store.delete(keys.ledger_entry("flights", 2))
    with pytest.raises(ArtifactDamagedError) as refused:
        append(Ledger(store, "flights"), make_entry)
    assert str(refused.value) == (
        f"{store.uri('flights/ledger/')}: entry 2 is missing, or another object is in its place; "
        "got: flights/ledger/00000003.json; allowed: flights/ledger/00000002.json; "
        "hint: restore the entry: history is never deleted"
    )
