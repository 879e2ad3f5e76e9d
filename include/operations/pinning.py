"""Pin the champion in force, so that no night replaces it, and take the pin off again."""

from __future__ import annotations

from collections.abc import Sequence

from include.config.decision import LedgerEntry
from include.config.errors import ActRefusedError
from include.io.standing import in_force_after
from include.operations.acts import Act, Change, described, refuse_unknown, write_once
from include.stages.recording import describe_pin


def pin(act: Act) -> Change:
    """Pin the champion in force: nights and `promote` leave it there; only a rollback moves it.

    Raises:
        ActRefusedError: There is no champion, or it is pinned already.
    """

    def build(history: Sequence[LedgerEntry]) -> LedgerEntry:
        now = in_force_after(history)
        if now.champion is None:
            raise ActRefusedError(act.where, "there is no champion yet, so there is nothing to pin")
        if now.pin is not None:
            raise ActRefusedError(
                act.where,
                f"the champion, {described(now.champion)}, is pinned already {describe_pin(now.pin)}",
                got=f"since ledger entry {now.pin.number}",
                hint=f"./nightshift unpin {act.project} --reason ... takes it off",
            )
        return now.champion

    ledger = act.ledger
    refuse_unknown(act, ledger)
    entry = write_once(act, ledger, "pin", build)
    return _change(entry, ledger.history())


def unpin(act: Act) -> Change:
    """Take the pin off: the next night may promote again.

    Raises:
        ActRefusedError: Nothing is pinned.
    """

    def build(history: Sequence[LedgerEntry]) -> LedgerEntry:
        now = in_force_after(history)
        if now.pin is None or now.champion is None:
            raise ActRefusedError(act.where, "nothing is pinned", hint=f"./nightshift pin {act.project} --reason ...")
        return now.champion

    ledger = act.ledger
    entry = write_once(act, ledger, "unpin", build)
    return _change(entry, ledger.history())


def _change(entry: LedgerEntry, history: Sequence[LedgerEntry]) -> Change:
    """Return what is in force after the entry, read back: a pin changes no champion."""
    champion = history[entry.standing.champion - 1]
    return Change(entry=entry, before=champion, after=champion)
