"""Let a person put a version in force, whatever its age: audited, and only when it was judged and not rejected."""

from __future__ import annotations

from collections.abc import Sequence

from include.config.decision import LedgerEntry
from include.config.errors import ActRefusedError, ArtifactDamagedError, CandidateRejectedError
from include.io import keys
from include.io.decisions import read_decision
from include.io.releases import release_sha256
from include.io.standing import in_force_after
from include.ml.verdict import contradiction
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
    behind = set_right(act.store, act.project, act.tracking_url)
    prove_release(act.store, entry)
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


def _refuse_contradiction(act: Act, decided: LedgerEntry) -> None:
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
