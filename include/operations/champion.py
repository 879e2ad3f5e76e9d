"""Change the champion by hand: roll back, promote a judged version, pin and unpin; verified before and after."""

from __future__ import annotations

from collections.abc import Sequence

from include.domain.champion import champion_after
from include.domain.decision import LedgerEntry
from include.domain.errors import ActRefusedError, ArtifactDamagedError, CandidateRejectedError
from include.domain.promotion_rules import contradiction
from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.releases import read_pointer, release_sha256
from include.io.verdict_entries import describe_pin
from include.operations.manual_action import (
    Change,
    ManualAction,
    champion_before,
    described,
    done_before,
    have_views_follow,
    refuse_changed,
    refuse_unknown,
    release_uri,
    write_once,
)
from include.operations.release_check import make_whole, prove_release


def pin(act: ManualAction) -> Change:
    """Pin the champion in force: nights and `promote` leave it there; only a rollback moves it.

    Raises:
        ActRefusedError: There is no champion, or it is pinned already.
    """

    def build(history: Sequence[LedgerEntry]) -> LedgerEntry:
        now = champion_after(history)
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


def unpin(act: ManualAction) -> Change:
    """Take the pin off: the next night may promote again.

    Raises:
        ActRefusedError: Nothing is pinned.
    """

    def build(history: Sequence[LedgerEntry]) -> LedgerEntry:
        now = champion_after(history)
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


def roll_back(act: ManualAction, version: str = "") -> Change:
    """Put the champion before (or an earlier one) back in force, and return what changed.

    It takes effect in one compare-and-set: the ledger's entry, which nobody else may have written first. Before it the
    target's release is loaded, after it again as the pointer names it. What was rolled back stays out until a person
    promotes it. A pin does not hold a rollback, and stays.

    Args:
        act: Project, reason, who.
        version: An earlier champion; empty for the one before.

    Raises:
        ActRefusedError: There is no champion, none before it, the version was never one or is it, or the champion
            changed meanwhile.
        UnknownChampionError: A champion is in force that the ledger does not know.
        NightshiftError: The target's release does not load; nothing was changed by then.
    """
    ledger = act.ledger
    refuse_unknown(act, ledger, by_pointer=True)
    stack = ledger.champions()
    target = done_before(act, "rollback", ledger.history()) or _target(act, ledger, stack, version)
    ledger.check(target.number)
    make_whole(act.store, target)
    prove_release(act.store, target)
    sha256 = release_sha256(act.store, act.project, target.version)

    def build(history: Sequence[LedgerEntry]) -> LedgerEntry:
        refuse_changed(act, stack[0], history)
        published = {"release_uri": release_uri(act, target.version), "release_sha256": sha256}
        return target.model_copy(update=published)

    entry = write_once(act, ledger, "rollback", build)
    behind = have_views_follow(act.store, act.project, act.tracking_url)
    _prove_in_force(act, entry)
    return Change(entry=entry, before=champion_before(ledger, entry), after=entry, behind=behind)


def _target(act: ManualAction, ledger: Ledger, stack: Sequence[LedgerEntry], version: str) -> LedgerEntry:
    """Return the champion to go back to; `stack` holds the one in force, then those before it."""
    if not stack:
        raise ActRefusedError(
            act.where,
            "there is no champion yet, so there is nothing to roll back",
            hint="is NIGHTSHIFT_STORE_URL (or the namespace) the right one? "
            f"./nightshift reconcile {act.project} --dry-run says what is in force",
        )
    in_force, earlier = stack[0], stack[1:]
    if version == in_force.version:
        raise ActRefusedError(act.where, f"{described(in_force)} is the champion already")
    if not earlier:
        raise ActRefusedError(
            act.where,
            "there is no champion before this one to roll back to",
            got=described(in_force),
            hint=f"./nightshift promote {act.project} VERSION --reason ... puts any version that was judged in force",
        )
    found = next((entry for entry in earlier if version in ("", entry.version)), None)
    if found is not None:
        return found
    judged = any(entry.version == version for entry in ledger.history())
    raise ActRefusedError(
        act.where,
        "this version is none of the earlier champions",
        got=f"version {version}",
        allowed=sorted({entry.version for entry in earlier}),
        hint=f"./nightshift promote {act.project} {version} --reason ... puts it in force" if judged else "",
    )


def _prove_in_force(act: ManualAction, entry: LedgerEntry) -> None:
    """Load what the pointer names by now: this rollback's release, or that of a newer champion."""
    pointer = read_pointer(act.store, act.project)
    if pointer is None or pointer.ledger_number < entry.number:
        raise ArtifactDamagedError(
            act.store.uri(keys.release_pointer(act.project)),
            "the pointer does not follow the rollback",
            got=f"ledger entry {pointer.ledger_number}" if pointer else "no pointer",
            allowed=(f"ledger entry {entry.number} or newer",),
            hint=f"./nightshift reconcile {act.project}",
        )
    in_force = act.ledger.numbered(pointer.ledger_number)
    assert in_force is not None
    prove_release(act.store, in_force)


def promote_version(act: ManualAction, version: str) -> Change:
    """Put a version in force and return what changed.

    In order: its newest decision is looked up, the release published when it is missing, and loaded; then the ledger's
    entry, the pointer, the alias; then the release is loaded again as the pointer names it. A version that was rolled
    back is free again from then on.

    Raises:
        ActRefusedError: The version was never decided on, is champion already, the champion is pinned, or the champion
            changed meanwhile.
        UnknownChampionError: A champion is in force that the ledger does not know.
        CandidateRejectedError: A gate failed in its newest decision: nobody promotes that.
        NightshiftError: The release does not load; nothing was changed by then.
    """
    ledger = act.ledger
    refuse_unknown(act, ledger)
    history, before = ledger.history(), ledger.champion()
    if done_before(act, "promotion", history) is None:
        _refuse_now(act, version, history)
    decided = _newest_decision(act, version, history)
    _refuse_contradiction(act, decided)
    make_whole(act.store, decided)
    prove_release(act.store, decided)
    sha256 = release_sha256(act.store, act.project, version)

    def build(history: Sequence[LedgerEntry]) -> LedgerEntry:
        _refuse_now(act, version, history)
        refuse_changed(act, before, history)
        published = {"release_uri": release_uri(act, version), "release_sha256": sha256}
        return _newest_decision(act, version, history).model_copy(update=published)

    entry = write_once(act, ledger, "promotion", build)
    behind = have_views_follow(act.store, act.project, act.tracking_url)
    prove_release(act.store, entry)
    return Change(entry=entry, before=champion_before(ledger, entry), after=entry, behind=behind)


def _newest_decision(act: ManualAction, version: str, history: Sequence[LedgerEntry]) -> LedgerEntry:
    """Return the newest decision on a version that allows a promotion."""
    newest = next((entry for entry in reversed(history) if (entry.kind, entry.version) == ("decision", version)), None)
    if newest is None:
        decisions = [entry for entry in history if entry.kind == "decision"]
        raise ActRefusedError(
            act.where,
            "no decision about this version: a model without evidence is promoted by nobody",
            got=f"version {version}",
            allowed=sorted({entry.version for entry in decisions if entry.version and entry.verdict != "REJECT"}),
            hint="" if decisions else f"./nightshift run {act.project}",
        )
    if newest.verdict == "REJECT":
        raise CandidateRejectedError(
            act.where,
            f"version {version} was rejected, and a rejected model is promoted by nobody",
            got=f"decision {newest.number}: {newest.reason}",
            hint="put right what the gate found, or declare another gate and let it be judged again",
        )
    return newest


def _refuse_contradiction(act: ManualAction, decided: LedgerEntry) -> None:
    """Refuse a decision that is not the one the ledger's entry is about, or whose verdict its gates do not give.

    Raises:
        ChecksumMismatchError, ArtifactDamagedError: It was changed by hand.
    """
    decision = read_decision(act.store, act.project, decided.decision_id, decided.decision_sha256)
    wrong = contradiction(decision.gates, decision.verdict)
    if decision.verdict == "REJECT" and not wrong:
        wrong = f"REJECT, and ledger entry {decided.number} says {decided.verdict}"
    if wrong:
        raise ArtifactDamagedError(
            act.store.uri(keys.decision(act.project, decided.decision_id)),
            "the verdict is not the one that its own evidence gives",
            got=wrong,
            hint="decision or ledger were changed by hand: restore them from a backup",
        )


def _refuse_now(act: ManualAction, version: str, history: Sequence[LedgerEntry]) -> None:
    now = champion_after(history)
    if now.champion is not None and now.champion.version == version:
        raise ActRefusedError(
            act.where, f"version {version} is the champion already", got=f"since ledger entry {now.champion.number}"
        )
    if now.pin is not None:
        pinned = described(now.champion) if now.champion else "nothing"
        raise ActRefusedError(
            act.where,
            f"the champion, {pinned}, is pinned {describe_pin(now.pin)}",
            got=f"promote {version}",
            hint=f"./nightshift unpin {act.project} --reason ... comes first",
        )
