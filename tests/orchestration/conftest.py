"""Give the tests of the wiring an Airflow database, two small projects, and stages that follow a script."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.domain.results import (
    EvaluateResult,
    FeaturesResult,
    IngestResult,
    PlanResult,
    PromoteResult,
    ScoreResult,
    Span,
    TrainResult,
    ValidateResult,
)
from tests.airflow_fixtures import airflow_database, write_project

DAY = date(2013, 4, 1)


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Make the metadata database and the training pool, once a session."""
    airflow_database()


@pytest.fixture
def projects_dir(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the valid projects `shop` and `bank`, which is where projects are looked for."""
    folder = tmp_path / "projects"
    write_project(folder, "shop")
    write_project(folder, "bank")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(folder))
    monkeypatch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc123")
    return folder


class Script:
    """Answer for every stage, and remember what each was called with.

    The real stages are tested in tests/stages and tests/integration; here it is the wiring that is tested.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.batches: tuple[tuple[date, ...], ...] = ((DAY,),)
        self.verdict = "PROMOTE"
        self.no_champion = ""
        self.new_predictions = True
        self.failures: dict[str, list[Exception]] = {}

    def of(self, stage: str) -> list[Any]:
        """Return the inputs of each call of `stage`."""
        return [inputs for name, inputs in self.calls if name == stage]

    def run(self, stage: str) -> Callable[[Any, Any], Any]:
        """Return the `run` of a stage."""

        def run(project: Any, inputs: Any) -> Any:
            self.calls.append((stage, inputs))
            if self.failures.get(stage):
                raise self.failures[stage].pop(0)
            return getattr(self, stage)(inputs)

        return run

    def plan(self, inputs: Any) -> PlanResult:
        span = Span(first=DAY, last=DAY)
        stale = sum(len(batch) for batch in self.batches)
        return PlanResult(train=span, holdout=span, days=(DAY,), batches=self.batches, fresh=0, stale=stale)

    def ingest(self, inputs: Any) -> IngestResult:
        return IngestResult(days=inputs.days, rows=1, written=1, reused=0)

    def validate(self, inputs: Any) -> ValidateResult:
        return ValidateResult(days=inputs.days, rows=1, quarantined=0)

    def build_features(self, inputs: Any) -> FeaturesResult:
        return FeaturesResult(days=inputs.days, rows=1, unlabelled=0, written=1)

    def train(self, inputs: Any) -> TrainResult:
        return TrainResult(
            candidate=inputs.candidate,
            candidate_id=f"id-{inputs.candidate}",
            model_uri="m",
            cv_mean=0.6,
            cv_std=0.0,
            rows=1,
            tracking_run_id="r",
        )

    def evaluate(self, inputs: Any) -> EvaluateResult:
        return EvaluateResult(
            verdict=self.verdict, reason="x", decision_id="d", decision_uri="u", challenger="trees", candidate_id="c"
        )

    def promote(self, inputs: Any) -> PromoteResult:
        return PromoteResult(verdict=self.verdict, reason="x", ledger_number=7, champion_version="3", report_uri="r")

    def score(self, inputs: Any) -> ScoreResult:
        if self.no_champion:
            return ScoreResult(day=inputs.as_of, rows=0, written=False, skipped=self.no_champion)
        return ScoreResult(
            day=inputs.as_of, rows=9, version="3", model_as_of=DAY, predictions_uri="u", written=self.new_predictions
        )


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    """Let every stage follow a script."""
    script = Script()
    for stage in ("plan", "ingest", "validate", "build_features", "train", "evaluate", "promote", "score"):
        monkeypatch.setitem(sys.modules, f"include.stages.{stage}", SimpleNamespace(run=script.run(stage)))  # type: ignore[arg-type]
    yield script
    # what one test has an owner told must not reach the mailbox of the next
    if "include.orchestration.notify" in sys.modules:
        sys.modules["include.orchestration.notify"].TELLER.wait(20)
