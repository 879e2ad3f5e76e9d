"""Make projects whose labels no feature tells anything of, train a first model of each, and judge it as a night would.

Rows, training, measurement and judgement are the product's own (`stages.train`, `stages.evaluate.measurements`,
`config.gates`); only the data are made up. Left out are the gates that do not look at the answers on the holdout, as
in `duels`: what is counted here is what the proof itself lets through.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, get_args

import numpy as np
import pandas as pd

from benchmarks.duels import NOT_ASKED
from include.config.gates import Evidence
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.config.settings import ROOT
from include.domain.metrics import LOWER_IS_BETTER, TRIVIALLY_PERFECT, MetricName
from include.domain.promotion_rules import Case, reach_verdict
from include.domain.results import Span
from include.io.feature_rows import FeatureWindow
from include.io.keys import DAY
from include.io.models import spec_of
from include.stages.evaluate.context import Answered, measure_baseline, measure_scores, scored_rows
from include.stages.evaluate.measurements import measure_beside
from include.stages.train import fit

# no declaration has another one as its primary metric
METRICS: tuple[MetricName, ...] = tuple(each for each in get_args(MetricName) if each not in TRIVIALLY_PERFECT)
FIRST = date(2024, 3, 1)
CANDIDATES = (
    {"name": "linear", "estimator": "logistic_regression"},
    {"name": "trees", "estimator": "xgboost", "params": {"n_estimators": 20, "max_depth": 2}},
)
# every second project chooses the threshold of its answers
THRESHOLDS = ({"objective": "fixed"}, {"objective": "f_beta"})


@dataclass(frozen=True)
class Shape:
    """Say what the data of noise look like.

    Attributes:
        name: What people call it.
        rows: Of a day.
        train_days, holdout_days: How many days there are to learn from and to be judged on.
        positives: Share of them, on an ordinary day.
        day_effect: By how many units of log-odds, one sigma, the share of positives differs from day to day; two of the
            features are then of the day, too, and know nothing of it.
    """

    name: str
    rows: int
    train_days: int
    holdout_days: int
    positives: float = 0.4
    day_effect: float = 0.0


SHAPES = (
    Shape("1 day of 100 rows", 100, 3, 1),
    Shape("2 days of 60 rows", 60, 4, 2),
    Shape("2 days of 60 rows, days differ", 60, 6, 2, day_effect=0.6),
    Shape("7 days of 40 rows, days differ", 40, 14, 7, day_effect=0.6),
    Shape("2 days of 200 rows, 8 % positive", 200, 6, 2, positives=0.08),
    Shape("14 days of 50 rows, days differ", 50, 14, 14, day_effect=0.6),
    Shape("30 days of 40 rows, days differ", 40, 30, 30, day_effect=0.6),
)


def noise_project(metric: MetricName, number: int) -> Project:
    """Return the declaration of a project with that primary metric, which asks for nothing but what is always asked."""
    bound = {"kind": "maximum", "value": 1.0} if metric in LOWER_IS_BETTER else {"kind": "minimum", "value": 0.0}
    return Project.model_validate(
        {
            "folder": ROOT,
            "name": "noise",
            "owner": {"name": "Nobody", "email": "nobody@example.org"},
            "description": "Labels that no feature tells anything of.",
            "problem": "binary",
            "schedule": "0 3 * * *",
            "source": {"kind": "files", "tables": {"noise": {"path": "landing/{date}.parquet"}}},
            "keys": ["row"],
            "target": {"name": "answer", "column": "answered", "equals": 1},
            "window": {"label_delay_days": 0, "days": 40, "holdout_days": 14},
            "features": {"numeric": ["a", "b", "of_the_day", "also_of_the_day"]},
            "candidates": [CANDIDATES[number % 2]],
            "cross_validation": {"folds": 2},
            "metrics": {"primary": metric, "also": []},
            "threshold": THRESHOLDS[number // 2 % 2],
            "gates": [{**bound, "metric": metric}],
            "seed": number,
        }
    )


def noise_rows(shape: Shape, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return train part and holdout of one project, whose labels are independent of its features."""
    random = np.random.default_rng(number)
    days = shape.train_days + shape.holdout_days
    day = np.repeat(np.arange(days), shape.rows)
    odds = np.log(shape.positives / (1 - shape.positives)) + shape.day_effect * random.normal(size=days)
    of_days = random.normal(size=(2, days))[:, day] if shape.day_effect else random.normal(size=(2, len(day)))
    frame = pd.DataFrame(
        {
            DAY: [(FIRST + timedelta(days=int(each))).isoformat() for each in day],
            "answer": (random.random(len(day)) < 1 / (1 + np.exp(-odds[day]))).astype("int8"),
            "a": random.normal(size=len(day)),
            "b": random.normal(size=len(day)),
            "of_the_day": of_days[0],
            "also_of_the_day": of_days[1],
        }
    ).astype({DAY: "str"})
    first = shape.train_days * shape.rows
    return frame.iloc[:first].reset_index(drop=True), frame.iloc[first:].reset_index(drop=True)


def judge_noise(metric: MetricName, shape: Shape, number: int) -> tuple[str, float]:
    """Return the verdict on the first model of one project, and its gain over the best trivial answer."""
    project = noise_project(metric, number)
    train, holdout = noise_rows(shape, number)
    made = fit(
        spec_of(project, project.candidates[0]),
        FeatureWindow(train, "noise", ()),
        candidate_id="noise",
        train=Span(first=FIRST, last=FIRST + timedelta(days=shape.train_days - 1)),
        threads=1,
        lock_hash="noise",
    )
    model, prior = made.model, made.record.positive_rate
    scores = model.score(holdout)
    ours = measure_scores(project, holdout, scores, "noise", model.threshold)
    measured = measure_beside(project, holdout, scored_rows(project, holdout, Answered(model, scores), None, prior))
    evidence = Evidence(ours.values, measure_baseline(project, holdout, prior, "noise"), measurements=measured)
    asked: list[Any] = [each for each in gates_in_force(project) if not isinstance(each, NOT_ASKED)]
    case = Case(
        as_of=FIRST + timedelta(days=shape.train_days + shape.holdout_days - 1),
        metric=metric,
        value=ours.values[metric],
        candidate_id="noise",
        rival=None,
        newest_as_of=None,
        mode="automatic",
    )
    verdict, _ = reach_verdict([found for gate in asked for found in gate.judge(evidence)], case)
    return verdict, next((each.value for each in measured.over_baseline), float("nan"))
