"""Each project's tests of behaviour concern real rows, hold for an honest model, and catch one of the opposite."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import pytest

from include.config.project_code import has_behaviour
from include.domain.evidence import BehaviourCheck
from include.io.models import LoadedModel
from include.ml.estimators import build_estimator
from include.ml.signature import model_input, signature_of
from include.stages.evaluate.gate_measurements import measure_behaviour, read_tests
from tests.projects.delivered import DAY, PROJECTS, Delivered


@dataclass(frozen=True)
class Case:
    """Name a project, how many days tell enough, and the tests that a model of so little data is sure to hold."""

    project: str
    days: int
    sure: tuple[str, ...]


CASES = (
    Case(
        "flight_delay",
        3,
        ("in the evening instead of the morning: no more punctual",),
    ),
    Case(
        "telco_churn",
        10,
        (
            "a contract of two years keeps a customer",
            "a contract month to month keeps nobody",
            "who has stayed two years longer is no likelier to leave",
        ),
    ),
)


@dataclass(frozen=True)
class Labelled:
    """Hold a project and the labelled rows of some of its days."""

    case: Case
    source: Delivered
    rows: pd.DataFrame

    def checks(self, labels: pd.Series) -> dict[str, BehaviourCheck]:
        """Return how a linear model of these labels does in each test, by name."""
        project = self.source.project
        signature = signature_of(self.rows, project.features, project.target.name)
        pipeline = build_estimator("logistic_regression", {"C": 0.1}, project.features, seed=1, threads=1)
        pipeline.fit(model_input(self.rows, signature), labels)
        found = measure_behaviour(project, self.rows, LoadedModel(pipeline, signature, b""))
        assert found is not None
        return {check.name: check for check in found}


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.project)
def labelled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    case: Case = request.param
    source = Delivered.into(tmp_path_factory.mktemp(case.project), case.project)
    days = [DAY + timedelta(days=number) for number in range(case.days)]
    source.load(days[0], days[-1])
    rows = pd.concat([_rows(source, day) for day in days], ignore_index=True)
    return Labelled(case, source, rows)


def _rows(source: Delivered, day: date) -> pd.DataFrame:
    project, raw = source.project, source.frame(day)
    target = raw[project.target.column]
    above = project.target.greater_than
    late = target > above if above is not None else target == project.target.equals
    features = source.features(day).assign(**{project.target.name: late.astype("int8")})
    return features.assign(**{name: raw[name] for name in project.protected})[target.notna()]


def test_every_test_concerns_real_rows_and_an_honest_model_holds(labelled: Labelled) -> None:
    checks = labelled.checks(labelled.rows[labelled.source.project.target.name])
    assert {name: check.rows for name, check in checks.items() if check.rows < 100} == {}
    assert [name for name in labelled.case.sure if not checks[name].passed] == []
    unmoved = [check for check in checks.values() if check.kind == "invariance"]
    assert unmoved
    assert all(check.passed for check in unmoved)


def test_a_model_that_learnt_the_opposite_is_caught(labelled: Labelled) -> None:
    checks = labelled.checks(1 - labelled.rows[labelled.source.project.target.name])
    assert [name for name in labelled.case.sure if checks[name].passed] == []
    assert all(checks[name].example.startswith("score 0.") for name in labelled.case.sure)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.project)
def test_the_gate_is_declared_where_behaviour_is_written_down(
    case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = Delivered.into(tmp_path_factory.mktemp("none"), case.project).project
    assert has_behaviour(project)
    assert "behaviour" in {gate.kind for gate in project.gates}
    readme = (PROJECTS / case.project / "README.md").read_text(encoding="utf-8")
    assert "## Behaviour" in readme
    assert len(read_tests(project)) >= 4
