"""Put an earlier champion back in force: at once, verified before and after, and for good until a person says else."""

from __future__ import annotations

from collections.abc import Sequence

from include.config.decision import LedgerEntry
from include.config.errors import ActRefusedError, ArtifactDamagedError
from include.io import keys
from include.io.ledger import Ledger
from include.io.releases import read_pointer, release_sha256
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


def roll_back(act: Act, version: str = "") -> Change:
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
    behind = set_right(act.store, act.project, act.tracking_url)
    _prove_in_force(act, entry)
    return Change(entry=entry, before=champion_before(ledger, entry), after=entry, behind=behind)


def _target(act: Act, ledger: Ledger, stack: Sequence[LedgerEntry], version: str) -> LedgerEntry:
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


def _prove_in_force(act: Act, entry: LedgerEntry) -> None:
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
