"""Say on which days and rows of a real project candidates are put on the bench."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

Columns = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class People:
    """Say how a model is made unfair, and what is unfair enough.

    Attributes:
        column: Holds the groups; protected.
        source: What it is made from, where the project does not have it.
        favoured: The group that it says yes to; the others hear no.
        share: Of labels that are turned that way in the train part.
    """

    column: str
    source: str
    favoured: Any
    share: float


@dataclass(frozen=True)
class Slice:
    """Say where a model is made bad: the rows of one value of a feature, and the noise (sigma) on what it is told."""

    column: str
    value: str
    noise: float


@dataclass(frozen=True)
class Ground:
    """Hold what the candidates of one project are made from.

    Attributes:
        name: The project.
        as_of: The day on which candidates are judged; the champion is of the day before.
        window_days: Of the night that judges.
        params: Of the trees that candidates are.
        champion_columns: Numeric and categorical features that the champion knows; None is all.
        champion_share: Of the rows, what the champion has learnt from.
        other_seed: By how much the seed of a model of equal quality differs.
        better_columns: Features that make a model that is a little better than the champion.
        better_share: Of the rows, what that model has learnt from.
        worse_columns: Features that make a model that is worse than the champion.
        overfit_rows: How many rows an overfitted model knows by heart.
        positives_more: How often more than once positives stand in the rows of an uncalibrated model.
        slice: Where a model is made bad.
        people: How a model is made unfair.
    """

    name: str
    as_of: date
    window_days: int
    params: dict[str, Any]
    champion_columns: Columns | None
    champion_share: float
    other_seed: int
    better_columns: Columns
    better_share: float
    worse_columns: Columns
    overfit_rows: int
    positives_more: int
    slice: Slice
    people: People

    @property
    def champion_day(self) -> date:
        """Return the day of the champion's data."""
        return self.as_of - timedelta(days=1)

    @property
    def stale_day(self) -> date:
        """Return a day before the champion's."""
        return self.as_of - timedelta(days=2)


TREES = {"n_estimators": 60, "subsample": 0.8, "colsample_bytree": 0.6, "reg_lambda": 5.0, "learning_rate": 0.1}

CHURN = Ground(
    name="telco_churn",
    as_of=date(2013, 7, 1),
    window_days=60,
    params={**TREES, "max_depth": 3, "min_child_weight": 5},
    champion_columns=(("tenure_months", "services"), ("contract", "tech_support", "has_partner")),
    champion_share=1.0,
    other_seed=5,
    better_columns=(("tenure_months", "services"), ("contract", "tech_support", "has_partner", "internet_service")),
    better_share=0.25,
    worse_columns=(("monthly_charges",), ("has_partner",)),
    overfit_rows=200,
    positives_more=1,
    slice=Slice("payment_method", "Credit card (automatic)", noise=0.8),
    people=People("female", "female", 1, share=0.12),
)

# here the share of late flights is the same in train part and holdout, so an honest model is calibrated
FLIGHTS = Ground(
    name="flight_delay",
    as_of=date(2013, 6, 2),
    window_days=40,
    params={**TREES, "max_depth": 4, "min_child_weight": 20},
    champion_columns=None,
    champion_share=0.1,
    other_seed=1,
    better_columns=(
        (
            "departure_minute",
            "arrival_minute",
            "distance_miles",
            "flights_same_hour",
            "plane_built",
            "plane_seats",
            "dest_latitude",
            "dest_longitude",
            "same_flight_delay_yesterday",
            "aircraft_delay_yesterday",
        ),
        ("airline", "origin_airport", "dest_airport"),
    ),
    better_share=1.0,
    worse_columns=(("flights_same_hour",), ("airline", "origin_airport")),
    overfit_rows=300,
    positives_more=3,
    slice=Slice("airline", "MQ", noise=1.0),
    people=People("home_airport", "origin", "LGA", share=0.15),
)

GROUNDS = {ground.name: ground for ground in (CHURN, FLIGHTS)}
