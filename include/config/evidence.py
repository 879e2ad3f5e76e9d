"""Hold what was measured about challenger and champion on one holdout, the same rows for both."""

from __future__ import annotations

from typing import Literal

from include.config.results import Receipt


class Difference(Receipt):
    """Say by how much the challenger is better than the champion: positive is better, whatever the metric's direction.

    Attributes:
        value: Gain on the holdout, in the metric's units.
        standard_error: Of it, over the draws.
        confidence: Of the two bounds below, each one-sided.
        lower: With this confidence the gain is at least this.
        upper: With this confidence it is at most this.
        p_value: One-sided: how often no gain at all would look like this one.
        method: How it was found: "paired bootstrap, 2000 draws of 14 days".
    """

    metric: str
    value: float
    standard_error: float
    confidence: float
    lower: float
    upper: float
    p_value: float
    method: str


class PairedTest(Receipt):
    """Hold a classical test of the two models on the same rows, shown beside the bootstrap; no gate looks at it.

    Attributes:
        name: "DeLong" (of ROC AUC) or "McNemar" (of accuracy at the thresholds).
        gain: Challenger less champion, in the metric's units.
        statistic: z for DeLong; the smaller of the two counts of disagreement for McNemar.
        p_value: Two-sided.
        note: What it takes for granted: that rows are independent.
    """

    name: Literal["DeLong", "McNemar"]
    metric: str
    gain: float
    statistic: float
    p_value: float
    note: str = ""


class GroupRates(Receipt):
    """Hold what the answers at the threshold are like in one group of people; a rate without rows is None."""

    group: str
    rows: int
    selection_rate: float
    true_positive_rate: float | None
    false_positive_rate: float | None
    judged: bool = True


class Fairness(Receipt):
    """Compare the groups of one protected column, for one model; the differences are over the judged groups."""

    column: str
    groups: tuple[GroupRates, ...]
    demographic_parity_difference: float | None
    equalized_odds_difference: float | None


class CalibrationBin(Receipt):
    """Hold the rows with similar scores."""

    rows: int
    mean_score: float
    positive_rate: float


class Calibration(Receipt):
    """Say whether scores are probabilities; `ece` is the expected calibration error over the bins."""

    ece: float
    bins: tuple[CalibrationBin, ...]


class Stability(Receipt):
    """Compare the two models' scores on the holdout; `psi` is over tenths of the champion's scores."""

    psi: float
    challenger_mean: float
    champion_mean: float
