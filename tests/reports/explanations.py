"""Build an explanation with everything in it: curves, importances, errors, and the data of a window."""

from __future__ import annotations

import math
from datetime import date, timedelta

from include.domain.explanation import (
    Curves,
    DataProfile,
    DayOfTarget,
    ErrorAnalysis,
    ErrorSlice,
    Explanation,
    FeatureProfile,
    Importance,
    ImportanceSample,
    WorstError,
)

NUMBERS = (
    "departure_minute", "arrival_minute", "distance_miles", "flights_same_hour", "plane_built", "plane_seats",
    "dest_latitude", "dest_longitude", "low_visibility_yesterday", "same_flight_delay_yesterday",
    "aircraft_delay_yesterday",
)  # fmt: skip
CATEGORIES = ("airline", "origin_airport", "dest_airport")


def curves(power: float) -> Curves:
    """Return the curves of a model; a smaller power is a better one."""
    steps = [step / 100 for step in range(101)]
    precision = [(recall, 0.2213 + 0.7 * (1 - power) * (1 - recall**0.5)) for recall in steps]
    return Curves(roc=tuple((step, step**power) for step in steps), precision_recall=tuple(precision))


def _importances() -> tuple[Importance, ...]:
    shared = [
        Importance(
            feature=name,
            challenger=round(0.06 / (1 + at), 5) - 0.004,
            spread=0.0012,
            champion=round(0.05 / (1 + (at * 5) % 13), 5) - 0.003,
            champion_spread=0.001,
        )
        for at, name in enumerate((*NUMBERS[:-2], *CATEGORIES))
    ]
    return (
        *shared[:2],
        Importance(feature=NUMBERS[-1], challenger=0.0171, spread=0.0009),
        *shared[2:],
        Importance(feature=NUMBERS[-2], challenger=None, champion=0.0042, champion_spread=0.0007),
    )


def bell(middle: float, bins: int = 20, missing: float = 0.0) -> tuple[float, ...]:
    """Return shares of the bins of a histogram that is highest at `middle`, from 0 to 1."""
    heights = [math.exp(-18 * ((at + 0.5) / bins - middle) ** 2) for at in range(bins)]
    return tuple((1 - missing) * height / sum(heights) for height in heights)


def _number(name: str, at: int) -> FeatureProfile:
    lacking = 0.02 * at if at % 4 == 3 else 0.0
    moved = min(1.0, lacking * 2)
    return FeatureProfile(
        name=name,
        kind="numeric",
        missing={"train": lacking, "holdout": moved},
        edges=tuple(float(edge * 72) for edge in range(21)),
        train=bell(0.4, missing=lacking),
        holdout=bell(0.4 + 0.03 * (at % 7), missing=moved),
        psi=0.04 * (at % 7) ** 1.5,
    )


def _category(name: str, at: int) -> FeatureProfile:
    shares = (0.28, 0.22, 0.17, 0.12, 0.09, 0.07, 0.05)
    return FeatureProfile(
        name=name,
        kind="categorical",
        missing={"train": 0.0, "holdout": 0.0},
        categories=("UA", "B6", "EV", "DL", "AA", "MQ", "(other)"),
        train=shares,
        holdout=(*shares[1:], shares[0]) if at == 1 else shares,
        psi=0.31 if at == 1 else 0.0,
    )


def profile() -> DataProfile:
    """Return the profile of a window of sixty days, its last fourteen the holdout."""
    correlated = (*NUMBERS, "late")
    first = date(2013, 4, 2)
    days = tuple(
        DayOfTarget(
            day=first + timedelta(days=at),
            rows=880 + at,
            positive_rate=0.22 + 0.09 * math.sin(at / 4) + (0.25 if at == 37 else 0.0),
            holdout=at >= 46,
        )
        for at in range(60)
    )
    matrix = tuple(
        tuple(None if 4 in (row, at) and row != at else round(math.cos(row - at), 2) for at in range(len(correlated)))
        for row in range(len(correlated))
    )
    return DataProfile(
        features=(
            *(_number(name, at) for at, name in enumerate(NUMBERS)),
            *(_category(name, at) for at, name in enumerate(CATEGORIES)),
        ),
        days=days,
        train_rows=41950,
        holdout_rows=12874,
        correlated=correlated,
        correlation=matrix,
        correlation_rows=20000,
        adversarial_auc=0.6312,
        adversarial_rows=5000,
    )


def explanation() -> Explanation:
    """Return all of it, for a decision over a champion."""
    features: dict[str, float | str | None] = {"departure_minute": 1275.0, "airline": "UA", "plane_built": None}
    return Explanation(
        curves={"challenger": curves(0.52), "champion": curves(0.56)},
        importance=_importances(),
        importance_sample=ImportanceSample(metric="roc_auc", rows=12874, sampled_rows=5000, repeats=5),
        errors=ErrorAnalysis(
            slices=(
                ErrorSlice(
                    rule="departure_minute > 1200 and airline in UA, B6",
                    rows=812,
                    positive_rate=0.41,
                    mean_score=0.29,
                    loss=0.7321,
                    overall=0.5187,
                ),
                ErrorSlice(
                    rule="low_visibility_yesterday > 3.5", rows=301, positive_rate=0.36, mean_score=0.44, loss=0.66,
                    overall=0.5187,
                ),
            ),
            worst=(
                WorstError(score=0.0312, label=1, features=features),
                WorstError(score=0.8731, label=0, features={**features, "airline": "(rare)"}),
            ),
            searched_rows=6437,
            judged_rows=6437,
        ),
        data=profile(),
    )  # fmt: skip
