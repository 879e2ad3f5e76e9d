"""Take from measurements what holds without a champion, or against another one, and what no gate looks at."""

from __future__ import annotations

from include.config.decision import Decision
from include.config.evidence import Measurements


def without_champion(measured: Measurements) -> Measurements:
    """Return what the measurements say of the challenger alone."""
    ours = "challenger"
    nobody = {"champion": None, "gain": None, "standard_error": None, "interval": None, "degrees_of_freedom": None}
    money, runtime = measured.money, measured.runtime
    return measured.model_copy(
        update={
            "differences": (),
            "tests": (),
            "points": {role: point for role, point in measured.points.items() if role == ours},
            "calibration": {role: found for role, found in measured.calibration.items() if role == ours},
            "groups": tuple(group.model_copy(update=nobody) for group in measured.groups),
            "stability": None,
            "money": money.model_copy(update={"champion_curve": ()}) if money else None,
            "runtime": runtime.model_copy(update={"champion_p95_ms": None}) if runtime else None,
        }
    )


def judged_only(measured: Measurements) -> Measurements:
    """Return the measurements without what only people look at: the classical tests and the curves of money."""
    money = measured.money
    shorter = money.model_copy(update={"challenger_curve": (), "champion_curve": ()}) if money else None
    return measured.model_copy(update={"tests": (), "money": shorter})


def with_its_own(measured: Measurements, decision: Decision) -> Measurements:
    """Return what was measured again, beside what only the decision's own night could measure of its challenger.

    The champion's latency is not taken over: it was that of the champion of then.
    """
    then = without_champion(decision.measurements)
    own = {name: getattr(then, name) for name in ("leakage", "runtime", "behaviour", "labels")}
    return measured.model_copy(update=own)
