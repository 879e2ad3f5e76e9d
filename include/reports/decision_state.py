"""Tell how challenger, champion and production stand to each other in a decision, so that no sentence mixes them up.

A late run meets the champion of its own day, which may not be the one in production; a challenger may be the champion
itself; and before the first promotion nothing stays that could.
"""

from __future__ import annotations

from typing import Any

from include.config.decision import Decision
from include.config.explanation import Explanation


def in_force(decision: Decision) -> str | None:
    """Return the version in production when it was judged, empty where it has none; None when nothing was in force.

    Records of before it was kept know only the champion of the run's own day.
    """
    if decision.in_force_version is None:
        return decision.champion.version if decision.champion else None
    return decision.in_force_version or None


def no_champion_yet(decision: Decision) -> bool:
    """Tell whether nothing was in force when it was judged; a late run may only know that nothing was on its day."""
    if decision.in_force_version is None:
        return decision.champion is None and decision.origin.run_type != "backfill"
    return not decision.in_force_version


def is_champion(decision: Decision) -> bool:
    """Tell whether the challenger is the very champion it was compared with."""
    return decision.champion is not None and decision.champion.candidate_id == decision.challenger.candidate_id


def is_in_production(decision: Decision) -> bool:
    """Tell whether the challenger was in force when it was judged; a late run meets the champion of its own day."""
    if decision.champion is None or not is_champion(decision):
        return False
    if decision.in_force_version is None:
        return decision.origin.run_type != "backfill"
    return decision.in_force_version == decision.champion.version


def meets_the_one_in_production(decision: Decision) -> bool:
    """Tell whether the champion it was compared with was in force; records of before it was kept are taken to."""
    champion = decision.champion
    return champion is not None and decision.in_force_version in (None, champion.version)


def without_itself(decision: Decision, explanation: Explanation) -> tuple[Decision, Explanation]:
    """Return both without what compares a champion with itself: a gain of nothing says nothing, however sure it is."""
    if not is_champion(decision):
        return decision, explanation
    measured = decision.measurements
    alone = measured.model_copy(
        update={
            "differences": (),
            "tests": (),
            "stability": None,
            "points": _ours(measured.points),
            "calibration": _ours(measured.calibration),
            "groups": tuple(
                group.model_copy(update={"champion": None, "gain": None, "interval": None}) for group in measured.groups
            ),
            "money": measured.money and measured.money.model_copy(update={"champion_curve": ()}),
            "runtime": measured.runtime and measured.runtime.model_copy(update={"champion_p95_ms": None}),
        }
    )
    importance = tuple(each.model_copy(update={"champion": None}) for each in explanation.importance)
    shown = {"curves": _ours(explanation.curves), "importance": importance}
    return decision.model_copy(update={"measurements": alone}), explanation.model_copy(update=shown)


def _ours(by_role: dict[str, Any]) -> dict[str, Any]:
    return {role: found for role, found in by_role.items() if role != "champion"}
