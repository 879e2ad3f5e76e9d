"""Count, on the rows of a holdout, the answers of both models at their thresholds, and what they earn."""

from __future__ import annotations

from include.config.evidence import Money, OperatingPoint
from include.config.project import Project
from include.ml.money import money, operating_point
from include.ml.scored import Scored


def measure_points(project: Project, scored: Scored) -> dict[str, OperatingPoint]:
    """Return the answers at each model's own threshold, by role: "challenger" and, when it was scored, "champion"."""
    points = {
        "challenger": operating_point(
            scored.labels, scored.challenger, scored.challenger_threshold, scored.challenger_objective, project.value
        )
    }
    if scored.champion is not None:
        points["champion"] = operating_point(
            scored.labels, scored.champion, scored.champion_threshold, scored.champion_objective, project.value
        )
    return points


def measure_money(project: Project, scored: Scored) -> Money | None:
    """Return what the answers earn, by threshold; None when the project does not say what outcomes are worth."""
    return None if project.value is None else money(scored, project.value)
