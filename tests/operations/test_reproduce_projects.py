"""Make the delivered projects' models again, after the projects have changed and are gone."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from include.config.connections import declared_connections
from include.domain.errors import CandidateRejectedError
from include.domain.results import EvaluateInputs, Origin, PlanInputs, PromoteInputs, TrainInputs
from include.operations.reproduce import reproduce
from include.stages import evaluate, plan, promote, train
from tests.support.demo_nights import DemoNights, demo_nights

HERE = Origin(run_id="reproduce", git_commit="abc123", lock_hash="lock")
NIGHTS = {"flight_delay": date(2013, 6, 10), "telco_churn": date(2026, 3, 1)}


def _judge(nights: DemoNights, as_of: date) -> str:
    """Play a night by its stages, and return the challenger's version."""
    project, settings = nights.project, nights.settings
    given: dict[str, Any] = {
        "as_of": as_of,
        "store_url": settings.store_url,
        "tracking_url": settings.tracking_url,
        "origin": Origin(run_id=f"night of {as_of}", git_commit="abc123", lock_hash="lock"),
        "connections": declared_connections(settings),
    }
    planned = plan.run(project, PlanInputs(**given))
    trained = tuple(
        train.run(project, TrainInputs(candidate=candidate.name, plan=planned, **given))
        for candidate in project.candidates
    )
    evaluated = evaluate.run(project, EvaluateInputs(plan=planned, trained=trained, **given))
    # what the gates say of so short a window does not matter here
    with contextlib.suppress(CandidateRejectedError):
        promote.run(project, PromoteInputs(evaluated=evaluated, **given))
    return nights.ledger.entries()[0].version


@pytest.fixture(scope="module", params=sorted(NIGHTS))
def judged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[DemoNights, str]]:
    name, as_of = request.param, NIGHTS[request.param]
    with demo_nights(tmp_path_factory.mktemp(name), name) as nights:
        if name == "flight_delay":
            nights.shorten()
        else:
            nights.edit(r"  days: \d+", "  days: 16")
            nights.edit(r"holdout_days: \d+", "holdout_days: 4")
            nights.edit(r"trials: \d+", "trials: 2")
            nights.edit(r"folds: \d+", "folds: 2")
        nights.deliver(as_of, as_of)
        nights.prepare(as_of)
        yield nights, _judge(nights, as_of)


def test_a_real_model_comes_out_byte_for_byte_whatever_became_of_its_project(judged: tuple[DemoNights, str]) -> None:
    nights, version = judged
    nights.edit(r"\nseed: \d+", "\nseed: 1")
    nights.edit(r"\Z", "\nraise RuntimeError('changed since')\n", "features.py")
    for _ in ("changed", "gone"):
        made = reproduce(nights.store, nights.name, version, HERE, lambda words: None)
        found = made.reproduction
        assert (found.status, found.differences, found.circumstances, found.missing) == ("identical", (), (), ())
        assert found.model_now == found.model_then
        assert found.rows > 500 and found.days >= 8
        assert 0.5 < found.holdout["roc_auc"] < 1
        shutil.rmtree(nights.settings.projects_dir / nights.name, ignore_errors=True)
