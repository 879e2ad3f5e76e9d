"""Reach the verdict from the gates and the comparison with the champion: the rules, once, and pure.

In this order; the first that applies decides:

1. A hard gate failed: REJECT. Where the challenger is the champion itself, that is what the reason says: nothing stands
   behind it that would still meet the gates.
2. The challenger was champion and was rolled back: HOLD.
3. A champion exists as of the run's day but could not be scored on this holdout: HOLD, nothing is proved.
4. The challenger is the champion (the same candidate id): HOLD, a tie.
5. A gate that holds failed: HOLD. Such are the comparisons with the champion: not better, better by less than the
   margin, or by so little that chance may have made it; a tie is never better.
6. The newest champion is of the run's day or a later one: HOLD; a late run never demotes it.
7. The champion is pinned: HOLD.
8. The run belongs to a backfill: HOLD. What backfills prove is the same in whatever order their runs end.
9. Promotion mode `hold`: HOLD.
10. Otherwise: PROMOTE. In promotion mode `approval` a person's answer comes after it: see `include/stages/promote.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from include.domain.decision import GateResult, unmet
from include.domain.results import PromotionMode, Verdict

ROLLED_BACK = "this very model was champion and was rolled back; only a person puts it back, by promote"
BETTER, NOT_WORSE = "better_than_champion", "not_worse_than_champion"


@dataclass(frozen=True)
class Rival:
    """Describe the champion that the challenger has to beat.

    Attributes:
        version: Its release.
        candidate_id: Which candidate it is.
        value: Its primary metric on the same holdout; None when it could not be scored.
        not_scored: Why not.
        in_force: Whether it is in production now; a late run's is that of its own day, and the record's is nobody's.
    """

    version: str
    candidate_id: str
    value: float | None
    not_scored: str = ""
    in_force: bool = False


@dataclass(frozen=True)
class Case:
    """Hold all that the verdict depends on.

    Attributes:
        as_of: The day of the run.
        metric: The primary metric.
        value: The challenger's, on the holdout.
        candidate_id: The challenger's.
        rival: The champion as of the run's day, if any.
        newest_as_of: The day of the newest champion of all, if any.
        mode: What a proved challenger leads to.
        barred: Whether the challenger was champion once and was rolled back.
        pinned: Who pinned the champion, and why; empty when nobody did.
        backfill: Whether the run belongs to a backfill.
    """

    as_of: date
    metric: str
    value: float
    candidate_id: str
    rival: Rival | None
    newest_as_of: date | None
    mode: PromotionMode
    barred: bool = False
    pinned: str = ""
    backfill: bool = False


def reach_verdict(gates: Sequence[GateResult], case: Case) -> tuple[Verdict, str]:
    """Return the verdict and its reason in one sentence."""
    failed = [gate for gate in gates if not gate.passed]
    hard = [gate for gate in failed if gate.on_failure == "reject"]
    if hard:
        return "REJECT", _itself(case, hard) + "; ".join(describe_failure(gate) for gate in hard)
    obstacle = ROLLED_BACK if case.barred else _not_compared(case) or _not_proved(failed)
    if obstacle:
        return "HOLD", obstacle
    if case.newest_as_of is not None and case.newest_as_of >= case.as_of:
        return "HOLD", f"not newer than the champion's data: {case.as_of} against {case.newest_as_of}"
    proof, held = _proof(case), _held(case)
    return ("HOLD", f"{held}; it would be promoted: {proof}") if held else ("PROMOTE", proof)


def contradiction(gates: Sequence[GateResult], verdict: Verdict) -> str:
    """Return why a recorded verdict cannot have come from the gates recorded beside it; empty when it can.

    The same rules as `reach_verdict`, as far as gates alone decide: it is asked before anything is done by a decision
    that was read back.
    """
    hard = [gate for gate in gates if not gate.passed and gate.on_failure == "reject"]
    held = [gate for gate in gates if not gate.passed and gate.on_failure == "hold"]
    if hard and verdict != "REJECT":
        return f"{verdict}, though a gate failed: {describe_failure(hard[0])}"
    if not hard and verdict == "REJECT":
        return "REJECT, though no gate failed"
    if held and verdict == "PROMOTE":
        return f"PROMOTE, though it is not proved: {_describe_hold(held[0])}"
    return ""


def describe_failure(gate: GateResult) -> str:
    """Return what a failed gate demanded and what it got: "minimum: roc_auc 0.52 is not >= 0.6"."""
    note = f" ({gate.note})" if gate.note else ""
    if gate.value is None:
        return f"{gate.kind}: {gate.metric} is not known, and {gate.threshold} is demanded{note}"
    unit = f" {gate.unit}" if gate.unit else ""
    digits = gate.digits(6, lambda value, digits: float(f"{value:.{digits}g}"))
    return f"{gate.kind}: {gate.metric} {gate.value:.{digits}g}{unit} is not {gate.threshold}{note}"


def _itself(case: Case, failed: Sequence[GateResult]) -> str:
    """Return that it is the champion that fails; empty where it is a new model."""
    rival = case.rival
    if rival is None or rival.candidate_id != case.candidate_id:
        return ""
    who = "the model in production" if rival.in_force else f"champion {rival.version} itself"
    return f"{who} no longer meets {unmet(failed)}: "


def _not_compared(case: Case) -> str:
    rival = case.rival
    if rival is None:
        return ""
    if rival.value is None:
        return f"champion {rival.version} could not be compared: {rival.not_scored}"
    if rival.candidate_id == case.candidate_id:
        return f"the challenger is champion {rival.version} itself: a tie"
    return ""


def _not_proved(failed: Sequence[GateResult]) -> str:
    """Return what the gates that hold did not find proved, the missing gain first; empty when none failed."""
    ungained = {gate.metric for gate in failed if gate.kind == BETTER}
    # where no gain is proved, that the champion may even be better goes without saying
    told = [gate for gate in failed if gate.kind != NOT_WORSE or gate.metric not in ungained]
    return "; ".join(_describe_hold(gate) for gate in sorted(told, key=lambda gate: gate.kind != BETTER))


def _describe_hold(gate: GateResult) -> str:
    # the notes of the comparisons are whole sentences
    return gate.note if gate.kind in (BETTER, NOT_WORSE) and gate.note else describe_failure(gate)


def _held(case: Case) -> str:
    """Return why a proved challenger is not promoted all the same; empty when it is."""
    if case.pinned:
        return f"the champion is pinned {case.pinned}"
    if case.backfill:
        return "a backfill promotes nothing"
    return "promotion mode is hold" if case.mode == "hold" else ""


def _proof(case: Case) -> str:
    if case.rival is None or case.rival.value is None:
        return f"all gates passed and there is no champion: {case.metric} {case.value:.6g}"
    return f"better than champion {case.rival.version}: {case.metric} {case.value:.6g} against {case.rival.value:.6g}"
