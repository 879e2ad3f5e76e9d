"""Reckon what is in force after a ledger entry: champion, pin, and what was rolled back. Pure rules over entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from include.domain.decision import LedgerEntry, Standing

# whose values an entry carries on, so that a night reads one entry to know them
NIGHTS_KEPT = 30


@dataclass(frozen=True)
class ChampionState:
    """Hold what is in force: the entry of the champion, the entry that pinned it, and barred candidate ids."""

    champion: LedgerEntry | None
    pin: LedgerEntry | None
    barred: frozenset[str]


def settle(entry: LedgerEntry, history: Sequence[LedgerEntry]) -> LedgerEntry:
    """Return `entry` with `previous`, `standing` and `highest_version` filled in from the history before it.

    The champions in force form a stack, linked by `previous`: a promotion is put on top; a rollback takes off
    everything above its target, and what was taken off is barred until a person promotes it again.
    """
    entry = entry.model_copy(update={"highest_version": max(highest_version(history), as_number(entry.version))})
    before = state_after(history)
    if entry.kind == "promotion":
        barred = tuple(name for name in before.barred if name != entry.candidate_id)
        after = before.model_copy(update={"champion": entry.number, "barred": barred})
        return entry.model_copy(update={"previous": before.champion, "standing": after})
    if entry.kind == "rollback":
        return _rolled_back(entry, history, before)
    if entry.kind == "pin":
        return entry.model_copy(update={"standing": before.model_copy(update={"pin": entry.number})})
    if entry.kind == "unpin":
        return entry.model_copy(update={"standing": before.model_copy(update={"pin": 0})})
    return entry.model_copy(update={"standing": before.model_copy(update={"nights": _nights(entry, before)})})


def highest_version(history: Sequence[LedgerEntry]) -> int:
    """Return the highest model version in the history, 0 when there is none; the newest entry says it.

    Entries of before it was kept are all read, once: the next entry says it.
    """
    if not history:
        return 0
    known = history[-1].highest_version
    return max(as_number(entry.version) for entry in history) if known is None else known


def as_number(version: str) -> int:
    """Return a model version as the number that MLflow gave it; 0 for what is none."""
    return int(version) if version.isdecimal() else 0


def state_after(history: Sequence[LedgerEntry]) -> Standing:
    """Return what is in force after the newest entry, which alone is read."""
    return history[-1].standing if history else Standing()


def champion_after(history: Sequence[LedgerEntry]) -> ChampionState:
    """Return what is in force after the newest entry."""
    standing = state_after(history)
    return ChampionState(
        champion=history[standing.champion - 1] if standing.champion else None,
        pin=history[standing.pin - 1] if standing.pin else None,
        barred=frozenset(standing.barred),
    )


def champions(history: Sequence[LedgerEntry]) -> Iterator[LedgerEntry]:
    """Yield the champion in force, then those a rollback can go back to, newest first; only those are read."""
    number = state_after(history).champion
    while number:
        entry = history[number - 1]
        yield entry
        number = entry.previous


def champion_as_of(history: Sequence[LedgerEntry], as_of: date | None) -> LedgerEntry | None:
    """Return the entry that put the champion in force: of now, or as a run about a past day has to know it.

    Args:
        as_of: Leave out champions of later data; one that was rolled back is none.
    """
    return next((entry for entry in champions(history) if as_of is None or entry.as_of <= as_of), None)


def _rolled_back(entry: LedgerEntry, history: Sequence[LedgerEntry], before: Standing) -> LedgerEntry:
    removed: list[str] = []
    for champion in champions(history):
        if champion.version == entry.version:
            # what a person puts in force is not barred, though it was rolled back before
            names = dict.fromkeys(name for name in (*before.barred, *removed) if name != entry.candidate_id)
            after = before.model_copy(update={"champion": entry.number, "barred": tuple(names)})
            return entry.model_copy(update={"previous": champion.previous, "standing": after})
        removed.append(champion.candidate_id)
    raise ValueError(f"version {entry.version} of {entry.project} is no champion that a rollback can go back to")


def _nights(entry: LedgerEntry, before: Standing) -> tuple[tuple[date, str, float], ...]:
    """Return what the newest nights were worth after a decision; a day that was judged again counts once.

    Backfills are left out, so that none of their runs sees another. What a gate or a person rejected is, too: a leak
    would make the next one look ordinary.
    """
    refused = entry.verdict == "REJECT" or (entry.approval is not None and entry.approval.answer == "rejected")
    if refused or entry.origin.run_type == "backfill" or entry.value is None:
        return before.nights
    others = [night for night in before.nights if night[0] != entry.as_of]
    return tuple(sorted([*others, (entry.as_of, entry.metric, entry.value)])[-NIGHTS_KEPT:])
