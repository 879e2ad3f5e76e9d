"""Let a person put a version in force, whatever its age: audited, and only when it was judged and not rejected."""

from __future__ import annotations

from collections.abc import Sequence

from include.config.decision import LedgerEntry
from include.config.errors import ActRefusedError, CandidateRejectedError
from include.io.standing import in_force_after
from include.operations.acts import (
    Act,
    Change,
    champion_before,
    described,
    done_before,
    refuse_changed,
    refuse_unknown,
    release_uri,
    write_once,
)
from include.operations.projection import set_right
from include.operations.release_check import prove_release
from include.operations.release_repair import make_whole
from include.stages.recording import describe_pin


def promote_version(act: Act, version: str) -> Change:
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
    make_whole(act.store, decided, act.origin)
    prove_release(act.store, act.project, version, decided.candidate_id)

    def build(history: Sequence[LedgerEntry]) -> LedgerEntry:
        _refuse_now(act, version, history)
        refuse_changed(act, before, history)
        return _newest_decision(act, version, history).model_copy(update={"release_uri": release_uri(act, version)})

    entry = write_once(act, ledger, "promotion", build)
    behind = set_right(act.store, act.project, act.tracking_url)
    prove_release(act.store, act.project, version, decided.candidate_id)
    return Change(entry=entry, before=champion_before(ledger, entry), after=entry, behind=behind)


def _newest_decision(act: Act, version: str, history: Sequence[LedgerEntry]) -> LedgerEntry:
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


def _refuse_now(act: Act, version: str, history: Sequence[LedgerEntry]) -> None:
    now = in_force_after(history)
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
