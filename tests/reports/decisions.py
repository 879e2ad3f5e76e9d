"""Build decisions to render, one for each verdict."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from include.config.project import Project
from include.domain.decision import Decision, GateResult, ModelSummary
from include.domain.evidence import (
    Calibration,
    CalibrationBin,
    Difference,
    Fairness,
    GroupRates,
    Measurements,
    PairedTest,
    Stability,
)
from include.domain.results import Origin, Span
from tests.config.good_declaration import GOOD_DECLARATION

CHALLENGER = ModelSummary(
    candidate="xgboost",
    candidate_id="9f2c41d7a0be",
    estimator="xgboost",
    as_of=date(2013, 6, 1),
    version="4",
    tracking_run_id="b1d0c6e2f94a4e1e9a53",
    model_uri="file:///srv/store/flight_delay/models/9f2c41d7a0be/model.skops",
    params={"max_depth": 5, "learning_rate": 0.06, "n_estimators": 150},
    cv_mean=0.6412,
    cv_std=0.0121,
    holdout={"roc_auc": 0.6538, "average_precision": 0.3641, "brier_score": 0.1702, "log_loss": 0.5187},
)
CHAMPION = ModelSummary(
    candidate="logistic_regression",
    candidate_id="11aa22bb33cc",
    estimator="logistic_regression",
    as_of=date(2013, 5, 20),
    version="3",
    holdout={"roc_auc": 0.6391, "average_precision": 0.3512, "brier_score": 0.1695, "log_loss": 0.5233},
)
OTHER = ModelSummary(
    candidate="logistic_regression",
    candidate_id="77dd88ee99ff",
    estimator="logistic_regression",
    as_of=date(2013, 6, 1),
    cv_mean=0.6288,
    cv_std=0.0098,
)
GATES = (
    GateResult(kind="minimum", metric="roc_auc", threshold=">= 0.58", value=0.6538, passed=True),
    GateResult(kind="beats_baseline", metric="roc_auc", threshold="> 0.55", value=0.6538, reference=0.5, passed=True),
    GateResult(
        kind="not_worse_than_champion",
        metric="roc_auc",
        threshold=">= 0.6291",
        value=0.6538,
        reference=0.6391,
        passed=True,
    ),
    GateResult(kind="leak_alarm", metric="roc_auc", threshold="<= 0.85", value=0.6538, passed=True),
)
DIFFERENCE = Difference(
    metric="roc_auc",
    value=0.0147,
    standard_error=0.004,
    confidence=0.95,
    lower=0.0076,
    upper=0.0218,
    p_value=0.0002,
    method="paired bootstrap, 2000 draws of 14 days",
)
TESTS = (
    PairedTest(name="DeLong", metric="roc_auc", gain=0.0147, statistic=3.1, p_value=0.0019, note="rows independent"),
    PairedTest(name="McNemar", metric="accuracy", gain=-0.002, statistic=310, p_value=0.31, note="rows independent"),
)
CALIBRATION = {
    "challenger": Calibration(
        ece=0.0123,
        bins=tuple(CalibrationBin(rows=100, mean_score=n / 10, positive_rate=n / 11) for n in range(1, 8)),
    ),
    "champion": Calibration(
        ece=0.0456,
        bins=tuple(CalibrationBin(rows=100, mean_score=n / 10, positive_rate=n / 14) for n in range(1, 8)),
    ),
}
FAIRNESS = Fairness(
    column="senior_citizen",
    groups=(
        GroupRates(group="0", rows=1450, selection_rate=0.17, true_positive_rate=0.5, false_positive_rate=0.06),
        GroupRates(group="1", rows=290, selection_rate=0.41, true_positive_rate=0.66, false_positive_rate=0.25),
        GroupRates(
            group="(missing)",
            rows=3,
            selection_rate=0.0,
            true_positive_rate=None,
            false_positive_rate=0.0,
            judged=False,
        ),
    ),
    demographic_parity_difference=0.24,
    equalized_odds_difference=0.19,
)
MEASUREMENTS = Measurements(
    differences=(DIFFERENCE,),
    tests=TESTS,
    calibration=CALIBRATION,
    fairness=(FAIRNESS,),
    stability=Stability(psi=0.0312, challenger_mean=0.224, champion_mean=0.231),
)
FAILED_GATE = GateResult(
    kind="leak_alarm",
    metric="roc_auc",
    threshold="<= 0.64",
    value=0.6538,
    passed=False,
    note="too good to be true: look for a feature that is not known at prediction time",
)


def decision(**changes: Any) -> Decision:
    """Return a PROMOTE over a champion, with `changes`."""
    values: dict[str, Any] = {
        "decision_id": "2013-06-01-7be1f0a2",
        "project": "flight_delay",
        "as_of": date(2013, 6, 1),
        "verdict": "PROMOTE",
        "reason": "roc_auc is better than the champion's by 0.0147, more than 0.002",
        "made_at": datetime(2013, 6, 2, 9, 4, 30, tzinfo=UTC),
        "train": Span(first=date(2013, 4, 2), last=date(2013, 5, 17)),
        "holdout": Span(first=date(2013, 5, 18), last=date(2013, 5, 31)),
        "holdout_rows": 12874,
        "train_rows": 41950,
        "positive_rate": 0.2213,
        "primary_metric": "roc_auc",
        "challenger": CHALLENGER,
        "champion": CHAMPION,
        "baseline": {"roc_auc": 0.5, "average_precision": 0.2213, "brier_score": 0.1761, "log_loss": 0.5391},
        "others": (OTHER,),
        "gates": GATES,
        "measurements": MEASUREMENTS,
        "data_fingerprint": "c4" * 32,
        "code_fingerprint": "d5" * 32,
        "origin": Origin(
            run_id="manual__2013-06-02T09:00:00+00:00",
            dag_id="flight_delay__retrain",
            run_type="manual",
            triggered_by="admin",
            git_commit="ab" * 20,
            lock_hash="ef" * 32,
        ),
    }
    return Decision(**{**values, **changes})


def declared(**changes: Any) -> Project:
    """Return a project as it is declared, with some top-level keys replaced."""
    values = {**yaml.safe_load(GOOD_DECLARATION), "name": "flight_delay", "folder": Path("flight_delay")}
    return Project.model_validate({**values, **changes})
