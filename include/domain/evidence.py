"""Hold what was measured about challenger and champion on one holdout, the same rows for both: numbers only.

Gates are judged from these numbers, and pages are written from them. What a gate needs and is missing here never
passes.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from include.domain.results import Receipt

Points = tuple[tuple[float, float], ...]


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
        degrees_of_freedom: Of Student's t behind bounds and p-value; None in records from before it was kept.
    """

    metric: str
    value: float
    standard_error: float
    confidence: float
    lower: float
    upper: float
    p_value: float
    method: str
    degrees_of_freedom: int | None = None


class BaselineGain(Difference):
    """Say by how much the challenger is better than the best answer that looks at no feature.

    Attributes:
        baseline: What the metric of that answer is on the holdout.
        answer: Which answer it is, for every row the same: "no to all", "26.5 % for all".
        shuffled_p_value: How often labels that are dealt out at random make the challenger's metric as good as it is.
        shuffles: How often they were dealt out.
        within_days: Whether each label stayed in its day.
    """

    baseline: float
    answer: str
    shuffled_p_value: float
    shuffles: int
    within_days: bool


class HoldoutSize(Receipt):
    """Count what the holdout holds."""

    rows: int
    positives: int
    days: int


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


class Group(Receipt):
    """Hold one group of rows: one value of one column.

    Attributes:
        challenger, champion: The metric in the group; None where it has no value (one class only, too few rows).
        gain: Challenger less champion, positive is better.
        standard_error: Of the gain.
        degrees_of_freedom: Of Student's t behind the interval.
        interval: Of the gain, at 95 %, two-sided.
        judged: Whether the group is large enough for a gate.
    """

    column: str
    group: str
    metric: str
    rows: int
    positive_rate: float
    challenger: float | None = None
    champion: float | None = None
    gain: float | None = None
    standard_error: float | None = None
    degrees_of_freedom: int | None = None
    interval: tuple[float, float] | None = None
    judged: bool = False


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
    """Say whether scores are probabilities.

    Attributes:
        ece: The expected calibration error: mean distance of score and share of positives, over the bins.
        brier_score: Mean squared distance of score and answer; None in records from before it was kept.
        reliability: That part of it which better calibration would take away, over the same bins.
    """

    ece: float
    bins: tuple[CalibrationBin, ...]
    brier_score: float | None = None
    reliability: float | None = None


class OperatingPoint(Receipt):
    """Count the answers at the threshold.

    Attributes:
        threshold: A score of at least this is a yes; chosen on the train part.
        objective: How it was chosen, in words: "F1 on the train part".
        value_per_1000: What 1,000 rows earn, in `currency`; None without declared values.
    """

    threshold: float
    objective: str
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    value_per_1000: float | None = None


class Money(Receipt):
    """Say what answers earn, per 1,000 rows.

    Attributes:
        always_the_same: What the better of "yes to all" and "no to all" earns.
        all_yes: Whether that is "yes to all".
        challenger_curve, champion_curve: (threshold, value per 1,000 rows), by threshold.
    """

    currency: str
    always_the_same: float
    all_yes: bool
    challenger_curve: Points
    champion_curve: Points = ()


class Runtime(Receipt):
    """Say how the release serves, in a clean process.

    Attributes:
        asked: Whether a gate asked for the clean process; otherwise only the size is known.
        error: Why it does not serve; empty when it does.
        rows: How many single rows were asked for.
        p50_ms, p95_ms: Per row, milliseconds.
        champion_p95_ms: Measured in turns with the challenger, in the same process.
        memory_mb: By how much the process grew from loading the challenger and answering with it.
        size_mb: Of the model's file.
    """

    asked: bool = False
    error: str = ""
    rows: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    champion_p95_ms: float | None = None
    memory_mb: float | None = None
    size_mb: float


class Repeats(Receipt):
    """Say which share of the holdout's rows stands in the train part, too, and what of it is natural.

    Attributes:
        rows: With key, features and label; 0 where labels of the same key and features are drawn anew each time.
        keys: With the key.
        keys_by_nature: Of the train part's rows, those whose key stands on another of its days; None of a single day.
        alike: With features and label, whatever the key.
        alike_by_nature: What of `alike` chance gives, as the train part's own days show it.
        copied: On days that hold the very rows of a day of the train part.
        copied_days: Such days, the first ones, each with the day that it is a copy of.
    """

    rows: float
    keys: float
    keys_by_nature: float | None
    alike: float
    alike_by_nature: float
    copied: float
    copied_days: tuple[tuple[str, str], ...] = ()


class Leakage(Receipt):
    """Say what smells of the answer.

    Attributes:
        single_feature_auc: Of each feature alone, the best first, as (name, ROC AUC of at least 0.5).
        same_as_target: Features that determine the target.
        metric: The primary metric, which `best_before` is of.
        best_before: The best primary metric of the nights before, and how many there are; None when there are none.
        positives, negatives: Rows of each class, behind `single_feature_auc`; 0 in records from before they were kept.
        repeats: Rows that the model has learnt from; None in records from before they were looked for.
    """

    metric: str
    single_feature_auc: tuple[tuple[str, float], ...]
    same_as_target: tuple[str, ...] = ()
    best_before: tuple[float, int] | None = None
    positives: int = 0
    negatives: int = 0
    repeats: Repeats | None = None


class Stability(Receipt):
    """Compare the two models' scores on the holdout; `psi` is over tenths of the champion's scores."""

    psi: float
    challenger_mean: float
    champion_mean: float


class BehaviourCheck(Receipt):
    """Hold one test of `behaviour.py`.

    Attributes:
        rows: To how many rows it applies.
        held: In what share of them the model did as it should.
        needed: The least share that passes.
        example: A row that fails, in words, without keys and personal data; empty when none does.
    """

    name: str
    kind: Literal["invariance", "directional"]
    rows: int
    held: float
    needed: float
    passed: bool
    example: str = ""


class LabelsOfDay(Receipt):
    """Count the rows of a day that have a label, and those that have none although their labels were due."""

    day: date
    part: Literal["train", "holdout"]
    labelled: int
    missing: int


class LabelsOfGroup(Receipt):
    """Count the same on the holdout in one group of rows: one value of one column."""

    column: str
    group: str
    labelled: int
    missing: int


class Labels(Receipt):
    """Say how many labels were missing when they were due, which is `label_delay_days` after their day.

    Attributes:
        days: Of the window; a part whose rows were not counted is not among them.
        groups: Of the holdout, by each protected column and declared slice.
    """

    days: tuple[LabelsOfDay, ...]
    groups: tuple[LabelsOfGroup, ...] = ()

    def missing(self, part: Literal["train", "holdout"]) -> tuple[int, int] | None:
        """Return how many labels of a part are missing, and of how many rows; None where that was not counted."""
        days = [day for day in self.days if day.part == part]
        missing = sum(day.missing for day in days)
        return (missing, missing + sum(day.labelled for day in days)) if days else None


class Measurements(Receipt):
    """Be all that was measured on the holdout beside the metrics themselves.

    Attributes:
        holdout: How large the holdout is; None in records from before it was kept.
        over_baseline: The gain over the best trivial answer: one for each gate in force that asks for it; none in
            records from before it was proved.
        differences: The gain over the champion: one for each comparison that a gate in force makes.
        tests: Classical tests of the two models on the same rows; shown, and no rule looks at them.
        points: The answers at the threshold, by role: "challenger", "champion".
        calibration: Whether the scores are probabilities, by role.
        groups: The metric of each `slice` gate in each group of rows.
        fairness: How the challenger answers groups of people: one for each protected column.
        stability: How far the challenger's scores moved from the champion's; None without a champion.
        money: What the answers earn; None without declared values.
        leakage: What smells of the answer.
        runtime: How the release serves, in a clean process.
        labels: How many labels were missing when they were due; None in records of before they were counted.
        behaviour: The tests of `behaviour.py`; None when the project has none.
    """

    holdout: HoldoutSize | None = None
    over_baseline: tuple[BaselineGain, ...] = ()
    differences: tuple[Difference, ...] = ()
    tests: tuple[PairedTest, ...] = ()
    points: dict[str, OperatingPoint] = {}
    calibration: dict[str, Calibration] = {}
    groups: tuple[Group, ...] = ()
    fairness: tuple[Fairness, ...] = ()
    stability: Stability | None = None
    money: Money | None = None
    leakage: Leakage | None = None
    runtime: Runtime | None = None
    behaviour: tuple[BehaviourCheck, ...] | None = None
    labels: Labels | None = None

    def baseline_gain(self, metric: str, confidence: float) -> BaselineGain | None:
        """Return the gain over the best trivial answer in a metric at a confidence; None when it was not measured."""
        asked = (metric, confidence)
        return next((each for each in self.over_baseline if (each.metric, each.confidence) == asked), None)

    def difference(self, metric: str, confidence: float | None = None) -> Difference | None:
        """Return the gain in a metric at a confidence (None: at any); None when it was not measured."""
        return next(
            (each for each in self.differences if each.metric == metric and confidence in (None, each.confidence)),
            None,
        )
