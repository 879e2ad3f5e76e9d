"""A project's tests of behaviour are put to a real model, and a faulty test says where and what."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from include.config.gates import Evidence
from include.config.project import Project
from include.domain.decision import GateResult
from include.domain.errors import ProjectCodeError
from include.domain.evidence import BehaviourCheck, Measurements
from include.io.models import LoadedModel
from include.stages.evaluate.gate_measurements import measure_behaviour
from tests.support.fitted_models import fitted, labelled_rows
from tests.support.model_nights import make_project

# in the synthetic parcels, weight raises the risk, and so does Oslo; distance says nothing
GOOD = """
from include.config.behaviour import Directional, Invariance


def build_behaviour():
    return [
        Directional("heavier is later", lambda rows: rows.assign(weight=rows["weight"] + 1), "up"),
        Directional("Oslo is later than Bonn", to_oslo, "up"),
        Invariance("the sender's age does not matter", lambda rows: rows.assign(age_band=1 - rows["age_band"])),
    ]


def to_oslo(rows):
    rows["city"] = rows["city"].where(rows["city"] != "Bonn", "Oslo")
    return rows
"""
WRONG = """
from include.config.behaviour import Directional


def build_behaviour():
    return [
        Directional("heavier is later", lambda rows: rows.assign(weight=rows["weight"] + 1), "up"),
        Directional("heavier is earlier", lambda rows: rows.assign(weight=rows["weight"] + 1), "down", share=0.9),
    ]
"""
ONE = """
import numpy as np
from include.config.behaviour import Directional, Invariance


def build_behaviour():
    return [Invariance("one", {change})]
"""


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return labelled_rows().assign(age_band=lambda frame: frame["parcel"] % 2, name="somebody")


@pytest.fixture(scope="module")
def model(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return fitted(make_project(tmp_path_factory.mktemp("parcels")), "linear", rows)


def project_of(folder: Path, behaviour: str) -> Project:
    (folder / "behaviour.py").write_text(behaviour)
    return make_project(folder, protected=["age_band"], pii=["name"], gates=[{"kind": "behaviour"}])


def measured(folder: Path, behaviour: str, rows: pd.DataFrame, model: LoadedModel) -> tuple[BehaviourCheck, ...]:
    found = measure_behaviour(project_of(folder, behaviour), rows, model)
    assert found is not None
    return found


def judged(checks: tuple[BehaviourCheck, ...] | None, project: Project) -> tuple[GateResult, ...]:
    values = {"roc_auc": 0.8}
    return project.gates[0].judge(Evidence(values, {"roc_auc": 0.5}, measurements=Measurements(behaviour=checks)))


def test_a_model_that_behaves_passes_and_only_changed_rows_count(
    tmp_path: Path, rows: pd.DataFrame, model: LoadedModel
) -> None:
    before = rows.copy()
    checks = measured(tmp_path, GOOD, rows, model)
    assert [(found.rows, found.held, found.passed) for found in checks] == [
        (960, 1.0, True),
        ((rows["city"] == "Bonn").sum(), 1.0, True),
        (960, 1.0, True),
    ]
    pd.testing.assert_frame_equal(rows, before)
    assert all(found.passed for found in judged(checks, project_of(tmp_path, GOOD)))


def test_a_model_that_does_not_behave_fails_by_the_name_of_the_test(
    tmp_path: Path, rows: pd.DataFrame, model: LoadedModel
) -> None:
    good, bad = judged(measured(tmp_path, WRONG, rows, model), project_of(tmp_path, WRONG))
    assert good.passed
    assert (bad.metric, bad.passed, bad.value, bad.threshold) == ("heavier is earlier", False, 0.0, ">= 0.9")
    assert bad.note.startswith("score 0.")
    assert " with weight from " in bad.note
    assert not {"parcel", "age_band", "somebody", "late"} & set(bad.note.replace(",", " ").split())


def test_a_test_sees_no_key_no_target_and_nobody(tmp_path: Path, rows: pd.DataFrame, model: LoadedModel) -> None:
    with pytest.raises(ProjectCodeError) as caught:
        measured(tmp_path, ONE.format(change='lambda rows: rows.drop(columns="city")'), rows, model)
    assert str(caught.value) == (
        "parcels/behaviour.py, test 'one': change must return the columns it was given; "
        "got: age_band, distance, weight; allowed: age_band, city, distance, weight; "
        "hint: rows.assign(column=...) keeps the others"
    )


def test_without_a_file_nothing_is_measured(tmp_path: Path, rows: pd.DataFrame, model: LoadedModel) -> None:
    assert measure_behaviour(make_project(tmp_path), rows, model) is None


def test_a_test_that_concerns_no_row_lets_nothing_pass(tmp_path: Path, rows: pd.DataFrame, model: LoadedModel) -> None:
    text = ONE.format(change="lambda rows: rows")
    (found,) = judged(measured(tmp_path, text, rows, model), project_of(tmp_path, text))
    assert (found.passed, found.note) == (False, "no row was changed")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "def build_behaviour():\n    return 1 / 0\n",
            ":2: build_behaviour fails; got: ZeroDivisionError: division by zero",
        ),
        (
            "def build_behaviour():\n    return []\n",
            ": build_behaviour must return a list of at least one test; got: none; allowed: Directional, Invariance",
        ),
        (
            "def build_behaviour():\n    return [len]\n",
            ": not a test of behaviour; got: builtin_function_or_method; allowed: Directional, Invariance",
        ),
        (ONE.replace("]", ', Invariance("one", len)]').format(change="len"), ": two tests have one name; got: one"),
        (
            ONE.replace("{change}", "len, share=2"),
            ":7: build_behaviour fails; got: the test 'one': share is above 0 and at most 1; got: 2",
        ),
        (ONE.format(change="len"), ", test 'one': change must return a DataFrame; got: int"),
        (ONE.format(change='lambda rows: rows["speed"]'), ":7, test 'one': change fails; got: KeyError: 'speed'"),
        (
            ONE.format(change="lambda rows: rows.head(3)"),
            ", test 'one': change must return one row for each row it was given, in their order; got: 3 rows for 960; "
            "hint: leave rows that the test is not about as they are: only changed rows count",
        ),
        (
            ONE.format(change='lambda rows: rows.assign(weight="heavy")'),
            ", test 'one': a model cannot score what `change` returns; got: model input, feature weight: a numeric "
            "column is needed; got: could not convert string to float: 'heavy'; allowed: float64",
        ),
    ],
)
def test_a_faulty_test_says_where_and_what(
    tmp_path: Path, rows: pd.DataFrame, model: LoadedModel, text: str, message: str
) -> None:
    with pytest.raises(ProjectCodeError) as caught:
        measured(tmp_path, text, rows, model)
    assert str(caught.value) == f"parcels/behaviour.py{message}"
