"""Hold what explains a decision to people and no gate looks at: kept beside the decision, not inside it."""

from __future__ import annotations

from datetime import date

from include.domain.results import Receipt

Points = tuple[tuple[float, float], ...]


class Importance(Receipt):
    """Say how much of the primary metric is lost when a feature's values are shuffled, for each model that has it.

    Attributes:
        challenger, champion: Mean loss over the shuffles, in the metric's units: positive is needed; None where the
            model has no such feature, or where there is no champion.
        spread, champion_spread: Standard deviation over the shuffles.
    """

    feature: str
    challenger: float | None
    spread: float = 0.0
    champion: float | None = None
    champion_spread: float = 0.0


class ImportanceSample(Receipt):
    """Say what importance was measured on.

    Attributes:
        sampled_rows: Of the holdout's, drawn at random when there are more.
        repeats: How often each feature was shuffled.
    """

    metric: str
    rows: int
    sampled_rows: int
    repeats: int


class ErrorSlice(Receipt):
    """Hold a part of the holdout where the challenger errs much, found by a tree.

    Attributes:
        rule: In words: "departure_minute > 1200 and airline in UA, B6".
        rows: Those that the rule names among `ErrorAnalysis.judged_rows`.
        mean_score: What the challenger says there on average; beside `positive_rate` it tells in which direction it
            errs.
        loss: Mean log loss there; `overall` is that of all judged rows.
    """

    rule: str
    rows: int
    positive_rate: float
    mean_score: float
    loss: float
    overall: float


class WorstError(Receipt):
    """Hold one row that the challenger got most wrong: its features, no key, no personal data, no protected column.

    Attributes:
        features: Value of each; None where it is missing, "(rare)" for a category of too few rows to be shown.
    """

    score: float
    label: int
    features: dict[str, float | str | None]


class ErrorAnalysis(Receipt):
    """Say where the challenger errs.

    Attributes:
        slices: The worst first.
        worst: Positives that were scored low, the worst first, then negatives that were scored high.
        searched_rows: On so many random rows of the holdout the rules were found.
        judged_rows: The others, on which their numbers are measured: a rule is never judged on the rows it was found
            on.
    """

    slices: tuple[ErrorSlice, ...] = ()
    worst: tuple[WorstError, ...] = ()
    searched_rows: int = 0
    judged_rows: int = 0


class Curves(Receipt):
    """Hold one model's ROC (false positive rate, true positive rate) and precision-recall (recall, precision) curve."""

    roc: Points
    precision_recall: Points


class FeatureProfile(Receipt):
    """Describe one feature over the window, and how the holdout differs from the train part.

    Attributes:
        kind: "numeric" or "categorical".
        missing: Share of rows without a value, by part: "train", "holdout".
        edges: Of the histogram's bins, one more than there are bins; the first and the last bin hold what lies beyond,
            too. Empty for categories.
        categories: Names of the largest categories, then "(other)" where there are more; empty for numbers.
        train: Share of all the train part's rows in each bin or category; with the missing ones they add up to 1.
        holdout: The same of the holdout.
        psi: Population stability index of the holdout against the train part: over tenths of the train part's values or
            over the categories, missing ones apart.
    """

    name: str
    kind: str
    missing: dict[str, float]
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    train: tuple[float, ...]
    holdout: tuple[float, ...]
    psi: float


class DayOfTarget(Receipt):
    """Hold one day of the window: its rows and the share of positives."""

    day: date
    rows: int
    positive_rate: float
    holdout: bool


class DataProfile(Receipt):
    """Describe the rows of a window: all of them, where no sample is named.

    Attributes:
        correlation: Spearman's between the numeric features and the target, in the order of `correlated`; None where
            one of the two is constant.
        correlation_rows: On so many random rows of the window.
        adversarial_auc: How well a small model tells holdout rows from train rows that it was not fitted on: 0.5 is not
            at all; None where there are too few rows.
        adversarial_rows: On so many random rows of each part.
    """

    features: tuple[FeatureProfile, ...]
    days: tuple[DayOfTarget, ...]
    train_rows: int = 0
    holdout_rows: int = 0
    correlated: tuple[str, ...] = ()
    correlation: tuple[tuple[float | None, ...], ...] = ()
    correlation_rows: int = 0
    adversarial_auc: float | None = None
    adversarial_rows: int = 0


class Explanation(Receipt):
    """Be what explains a decision to people.

    Attributes:
        curves: By role: "challenger", "champion".
        importance: Of the challenger's features, the most important first, then of those that only the champion has.
        importance_sample: What it was measured on; None when it was not.
        errors: Where the challenger errs.
        data: The window that the models were made and judged on.
        notes: What could not be drawn, and why.
    """

    curves: dict[str, Curves] = {}
    importance: tuple[Importance, ...] = ()
    importance_sample: ImportanceSample | None = None
    errors: ErrorAnalysis = ErrorAnalysis()
    data: DataProfile | None = None
    notes: tuple[str, ...] = ()
