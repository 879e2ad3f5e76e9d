"""What is measured of groups is what the declared gates ask for, and the gates close on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.config.gates import Evidence
from include.config.project import Project
from include.domain.evidence import Measurements
from include.ml.metrics import Predictions
from include.stages.evaluate.gate_measurements import (
    measure_calibration,
    measure_fairness,
    measure_groups,
    measure_stability,
)
from tests.support.model_nights import make_project

ROWS = 2400
MINIMUM = {"kind": "minimum", "metric": "roc_auc", "value": 0.6}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return a holdout's rows, with a protected column."""
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "weight": random.normal(size=ROWS),
            "distance": np.where(random.random(ROWS) < 0.2, np.nan, random.integers(0, 3, ROWS)),
            "city": pd.Series(random.choice(["Bonn", "Lyon", "Oslo", None], ROWS), dtype="str"),
            "sender": random.choice(["firm", "person"], ROWS),
        }
    )


@pytest.fixture(scope="module")
def scored(frame: pd.DataFrame) -> Predictions:
    """Return scores of two models: the challenger knows nothing of Lyon, and says yes to firms more often."""
    random = np.random.default_rng(2)
    signal = frame["weight"].to_numpy() + random.normal(size=ROWS)
    labels = (signal > 0.3).astype(int)
    champion = 1 / (1 + np.exp(0.3 - frame["weight"].to_numpy()))
    worse = np.where(frame["city"] == "Lyon", random.permutation(champion), champion)
    challenger = np.clip(worse + 0.15 * (frame["sender"] == "firm"), 0, 1)
    days = np.array([f"2013-04-{day + 1:02d}" for day in range(12)])[np.arange(ROWS) % 12]
    return Predictions(labels, days, challenger, champion, seed=3)


def declared(*gates: dict[str, Any], **more: Any) -> Project:
    return make_project(Path("parcels"), **{"protected": ["sender"], "gates": [MINIMUM, *gates], **more})


def looked_at(project: Project, frame: pd.DataFrame, scored: Predictions) -> list[tuple[str, str, str]]:
    return [(each.metric, each.column, each.group) for each in measure_groups(project, frame, scored)]


def test_without_a_gate_protected_columns_and_slices_are_looked_at_by_the_primary_metric(
    frame: pd.DataFrame, scored: Predictions
) -> None:
    assert looked_at(declared(protected=[]), frame, scored) == []
    project = declared(slices=["distance", "city"])
    assert looked_at(project, frame, scored) == [
        ("roc_auc", "sender", "firm"),
        ("roc_auc", "sender", "person"),
        *(("roc_auc", "distance", name) for name in ("0", "1", "2", "(missing)")),
        *(("roc_auc", "city", name) for name in ("Bonn", "Lyon", "Oslo", "(missing)")),
    ]
    assert all(group.judged for group in measure_groups(project, frame, scored))


def test_a_slice_gate_says_which_metric_columns_and_fewest_rows(frame: pd.DataFrame, scored: Predictions) -> None:
    gate = {"kind": "slice", "metric": "log_loss", "by": ["city"], "min_rows": 1000}
    found = measure_groups(declared(gate), frame, scored)
    assert [(each.metric, each.column, each.judged) for each in found] == [
        *[("log_loss", "city", False)] * 4,
        *[("roc_auc", "sender", True)] * 2,
    ]
    every = {"kind": "slice", "metric": "log_loss"}
    both = looked_at(declared(every, slices=["distance"]), frame, scored)
    assert {metric for metric, _, _ in both} == {"log_loss", "roc_auc"}
    assert {column for metric, column, _ in both if metric == "log_loss"} == {"sender", "distance"}


def test_the_challenger_is_rejected_for_the_city_it_knows_nothing_of(frame: pd.DataFrame, scored: Predictions) -> None:
    project = declared({"kind": "slice", "metric": "roc_auc"}, slices=["city"])

    def passed(scores: Predictions) -> tuple[bool, str]:
        measured = Measurements(groups=measure_groups(project, frame, scores))
        (found,) = project.gates[1].judge(Evidence({}, {}, {"roc_auc": 0.8}, measurements=measured))
        return found.passed, found.note

    rejected, note = passed(scored)
    assert not rejected
    assert note.startswith("proved worse in city Lyon: 0.")
    assert "Oslo" not in note
    assert passed(replace(scored, challenger=scored.champion))[0]


def test_fairness_is_of_every_protected_column_at_the_challengers_threshold(
    frame: pd.DataFrame, scored: Predictions
) -> None:
    (found,) = measure_fairness(declared(), frame, replace(scored, challenger_threshold=0.6))
    assert [group.group for group in found.groups] == ["firm", "person"]
    for group in found.groups:
        rows = (frame["sender"] == group.group).to_numpy()
        assert group.selection_rate == pytest.approx((scored.challenger[rows] >= 0.6).mean())
        assert group.judged
    project = declared({"kind": "fairness", "max_demographic_parity_difference": 0.1})
    evidence = Evidence({}, {}, measurements=Measurements(fairness=measure_fairness(project, frame, scored)))
    (judged,) = project.gates[1].judge(evidence)
    assert not judged.passed
    assert judged.metric == "demographic parity difference, sender"


def test_a_fairness_gate_says_how_many_rows_a_group_needs(frame: pd.DataFrame, scored: Predictions) -> None:
    gate = {"kind": "fairness", "max_equalized_odds_difference": 0.1, "by": ["city"], "min_rows": 1000}
    features = {"numeric": ["weight", "distance"]}
    project = declared(gate, protected=["sender", "city"], features=features)
    sender, city = measure_fairness(project, frame, scored)
    assert all(group.judged for group in sender.groups)
    assert not any(group.judged for group in city.groups)


def test_calibration_is_of_both_models_over_the_declared_bins(scored: Predictions) -> None:
    assert [len(each.bins) for each in measure_calibration(declared(), scored).values()] == [10, 10]
    project = declared({"kind": "calibration", "max_ece": 0.1, "bins": 4})
    found = measure_calibration(project, scored)
    assert list(found) == ["challenger", "champion"]
    assert [len(each.bins) for each in found.values()] == [4, 4]
    assert list(measure_calibration(project, replace(scored, champion=None))) == ["challenger"]


def test_stability_needs_a_champion(scored: Predictions) -> None:
    found = measure_stability(scored)
    assert found is not None
    assert found.psi > 0
    assert measure_stability(replace(scored, champion=None)) is None
