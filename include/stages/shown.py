"""Measure what no rule looks at and a person wants to know: calibration, fairness between groups, moved scores."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from include.config.evidence import Calibration, Fairness, Stability
from include.config.project import Project
from include.ml.calibration import calibration
from include.ml.fairness import fairness
from include.ml.metrics import THRESHOLD
from include.ml.stability import stability

BINS = 10
# rates of fewer people are mostly chance
MIN_GROUP_ROWS = 100


@dataclass(frozen=True)
class Shown:
    """Hold what is shown beside the gates; see `Decision`."""

    calibration: dict[str, Calibration] = field(default_factory=dict)
    fairness: tuple[Fairness, ...] = ()
    stability: Stability | None = None


def measure_shown(project: Project, frame: pd.DataFrame, challenger: np.ndarray, champion: np.ndarray | None) -> Shown:
    """Return what the holdout says beside its metrics.

    Args:
        frame: The holdout's rows, with target and protected columns.
        challenger: Its scores, shape (n_rows,).
        champion: The champion's; None when there is none to compare with.
    """
    labels = np.asarray(frame[project.target.name], dtype=int)
    scores = {"challenger": challenger} | ({} if champion is None else {"champion": champion})
    return Shown(
        calibration={role: calibration(labels, each, BINS) for role, each in scores.items()},
        fairness=tuple(
            fairness(column, frame[column].to_numpy(), labels, challenger, THRESHOLD, MIN_GROUP_ROWS)
            for column in project.protected
        ),
        stability=None if champion is None else stability(challenger, champion),
    )
