"""Reach the verdict from the gates and the comparison with the champion: the rules, once, and pure.

In this order; the first that applies decides:

1. A gate failed: REJECT.
2. The challenger was champion and was rolled back: HOLD.
3. A champion exists as of the run's day but could not be scored on this holdout: HOLD, nothing is proved.
4. The challenger is the champion (the same candidate id): HOLD.
5. A champion exists, and the challenger is not better by more than `min_improvement`: HOLD; a tie is a HOLD. So it is
   when the gain is not proved: the lower end of its one-sided interval must lie above zero.
6. The newest champion is of the run's day or a later one: HOLD; a late run never demotes it.
7. The champion is pinned: HOLD.
8. The run belongs to a backfill: HOLD. What backfills prove is the same in whatever order their runs end.
9. Promotion mode `hold`: HOLD.
10. Otherwise: PROMOTE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from include.config.decision import GateResult
from include.config.evidence import Difference
from include.config.results import PromotionMode, Verdict
from include.ml.metrics import improvement

ROLLED_BACK = "this very model was champion and was rolled back; only a person puts it back, by promote"


@dataclass(frozen=True)
class Rival:
    """Describe the champion that the challenger has to beat.

    Attributes:
        version: Its release.
        candidate_id: Which candidate it is.
        value: Its primary metric on the same holdout; None when it could not be scored.
        not_scored: Why not.
    """

    version: str
    candidate_id: str
    value: float | None
    not_scored: str = ""


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
        min_improvement: By how much the challenger must be better.
        difference: How sure the gain over the rival is; None when that could not be told.
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
    min_improvement: float
    mode: PromotionMode
    difference: Difference | None = None
    barred: bool = False
    pinned: str = ""
    backfill: bool = False


def reach_verdict(gates: Sequence[GateResult], case: Case) -> tuple[Verdict, str]:
    """Return the verdict and its reason in one sentence."""
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        return "REJECT", "; ".join(describe_failure(gate) for gate in failed)
    obstacle = ROLLED_BACK if case.barred else _not_proved_better(case)
    if obstacle:
        return "HOLD", obstacle
    if case.newest_as_of is not None and case.newest_as_of >= case.as_of:
        return "HOLD", f"not newer than the champion's data: {case.as_of} against {case.newest_as_of}"
    proof, held = _proof(case), _held(case)
    return ("HOLD", f"{held}; it would be promoted: {proof}") if held else ("PROMOTE", proof)


def describe_failure(gate: GateResult) -> str:
    """Return what a failed gate demanded and what it got: "minimum: roc_auc 0.52 is not >= 0.6"."""
    note = f" ({gate.note})" if gate.note else ""
    if gate.value is None:
        return f"{gate.kind}: {gate.metric} is not known, and {gate.threshold} is demanded{note}"
    unit = f" {gate.unit}" if gate.unit else ""
    return f"{gate.kind}: {gate.metric} {gate.value:.6g}{unit} is not {gate.threshold}{note}"


def _not_proved_better(case: Case) -> str:
    rival = case.rival
    if rival is None:
        return ""
    if rival.value is None:
        return f"champion {rival.version} could not be compared: {rival.not_scored}"
    if rival.candidate_id == case.candidate_id:
        return f"the challenger is champion {rival.version} itself: a tie"
    gain = improvement(case.metric, case.value, rival.value)
    # written so that a gain that is not a number is no gain
    if gain > case.min_improvement:
        return _not_proved(case, rival)
    if gain == 0:
        return f"a tie with champion {rival.version}: {case.metric} {case.value:.6g}"
    needed = f" by more than {case.min_improvement:.6g}" if case.min_improvement else ""
    return f"not better than champion {rival.version}{needed}: {case.metric} {case.value:.6g} against {rival.value:.6g}"


def _not_proved(case: Case, rival: Rival) -> str:
    """Return why chance may have made the gain; empty when that is unlikely enough."""
    found = case.difference
    better = f"better than champion {rival.version}, but not proved"
    if found is None:
        return f"{better}: the holdout is too small to tell a gain from chance"
    if found.lower > 0:
        return ""
    return (
        f"{better}: {case.metric} gains {found.value:.4g}, and with {found.confidence:.4g} confidence that may be "
        f"{found.lower:.4g} ({found.method})"
    )


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
