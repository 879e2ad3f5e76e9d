"""Hold what explains a decision to people and no gate looks at: kept beside the decision, not inside it."""

from __future__ import annotations

from datetime import date

from include.config.results import Receipt

Points = tuple[tuple[float, float], ...]


class Importance(Receipt):
    """Say how much of the primary metric is lost when a feature is shuffled; the champion's beside it."""

    feature: str
    challenger: float
    spread: float
    champion: float | None = None


class ErrorSlice(Receipt):
    """Hold a part of the holdout where the challenger errs much, found by a tree.

    Attributes:
        rule: In words: "departure_minute > 1200 and airline in UA, B6".
        loss: Mean log loss there; `overall` is that of the whole holdout.
    """

    rule: str
    rows: int
    positive_rate: float
    loss: float
    overall: float


class WorstError(Receipt):
    """Hold one row that the challenger got most wrong: its features, no key, no personal data."""

    score: float
    label: int
    features: dict[str, float | str | None]


class ErrorAnalysis(Receipt):
    """Say where the challenger errs."""

    slices: tuple[ErrorSlice, ...] = ()
    worst: tuple[WorstError, ...] = ()


class Curves(Receipt):
    """Hold one model's ROC (false positive rate, true positive rate) and precision-recall (recall, precision) curve."""

    roc: Points
    precision_recall: Points


class FeatureProfile(Receipt):
    """Describe one feature over the window, and how the holdout differs from the train part.

    Attributes:
        kind: "numeric" or "categorical".
        missing: Share of rows without a value, by part: "train", "holdout".
        edges: Of the histogram's bins, one more than there are bins; empty for categories.
        categories: Names of the largest categories, then "(other)"; empty for numbers.
        train: Share of the train part's rows in each bin or category.
        holdout: The same of the holdout.
        psi: Population stability index of the holdout against the train part.
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
    """Describe the rows of a window.

    Attributes:
        correlation: Spearman's between the numeric features and the target, in the order of `correlated`.
        adversarial_auc: How well a small model tells holdout rows from train rows: 0.5 is not at all.
    """

    features: tuple[FeatureProfile, ...]
    days: tuple[DayOfTarget, ...]
    correlated: tuple[str, ...] = ()
    correlation: tuple[tuple[float | None, ...], ...] = ()
    adversarial_auc: float | None = None


class Explanation(Receipt):
    """Be what explains a decision to people.

    Attributes:
        curves: By role: "challenger", "champion".
        importance: Of each feature, the most important first.
        errors: Where the challenger errs.
        data: The window that the models were made and judged on.
    """

    curves: dict[str, Curves] = {}
    importance: tuple[Importance, ...] = ()
    errors: ErrorAnalysis = ErrorAnalysis()
    data: DataProfile | None = None
