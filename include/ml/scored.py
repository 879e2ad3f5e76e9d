"""Hold the holdout's labels beside the scores of challenger and champion: what comparisons are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.ml.metrics import THRESHOLD


@dataclass(frozen=True)
class Scored:
    """Hold one entry a row, in one order; every array has shape (n_rows,).

    Attributes:
        labels: 0 or 1, int.
        days: The day of each row, ISO text.
        challenger: Probability of 1, float64.
        champion: The same; None when there is no champion, or it could not be scored.
        challenger_threshold: From which score on the challenger's answer is yes.
        champion_threshold: The same of the champion.
        challenger_objective: How its threshold was chosen, in words.
        champion_objective: The same of the champion.
        seed: Of every draw of chance.
        prior: Share of positives in the challenger's train part: what it would answer without features; None where
            it is not known, and then nothing is compared with the best trivial answer.
    """

    labels: np.ndarray
    days: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray | None = None
    challenger_threshold: float = THRESHOLD
    champion_threshold: float = THRESHOLD
    challenger_objective: str = "fixed"
    champion_objective: str = "fixed"
    seed: int = 0
    prior: float | None = None
