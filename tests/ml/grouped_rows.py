"""Make rows of several groups, scored by two models that are equally good but where one is asked to be worse."""

from __future__ import annotations

import numpy as np

from include.ml.metrics import Predictions

DAYS = 14


def grouped_rows(
    seed: int, sizes: dict[str, int] | None = None, worse: str = "", noise: float = 2.0
) -> tuple[np.ndarray, Predictions]:
    """Return each row's group, and its label and scores.

    Args:
        seed: Of all that is random.
        sizes: Rows of each group; left out, ten groups of 250 rows.
        worse: In this group the challenger's scores are noisier than the champion's.
        noise: By how much.
    """
    random = np.random.default_rng(seed)
    of_group = sizes or {f"r{number}": 250 for number in range(10)}
    groups = random.permutation(np.repeat(list(of_group), list(of_group.values())))
    day = random.integers(0, DAYS, len(groups))
    signal = random.normal(size=len(day)) + 0.5 * random.normal(size=DAYS)[day]
    labels = (signal + random.normal(size=len(day)) > 0.4).astype(int)

    def model(added: np.ndarray | float) -> np.ndarray:
        # a mistake about a whole day, and one about each row
        wrong = 0.4 * random.normal(size=DAYS)[day] + (0.8 + added) * random.normal(size=len(day))
        return 1 / (1 + np.exp(-(signal + wrong)))

    names = np.array([f"2013-04-{number + 1:02d}" for number in range(DAYS)])[day]
    return groups, Predictions(labels, names, model(noise * (groups == worse)), model(0.0), seed=seed)
