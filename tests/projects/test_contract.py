"""Hold every project folder to the contract: a valid declaration, pure features known in time, a real suite."""

from __future__ import annotations

import ast
import re
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.config.discovery import discover
from include.config.gates import (
    BeatsBaselineGate,
    LeakageGate,
    LeakAlarmGate,
    MetricGate,
    MinimumGate,
    NotWorseThanChampionGate,
)
from include.config.project import Project
from include.config.project_code import load_module
from include.demo_feed.feed import FEEDS
from include.io.expectations import SuiteRunner, is_expectation
from include.io.raw_rows import assemble
from include.io.sources import read_source
from include.stages import build_features, ingest, validate
from include.stages.build_features import build
from tests.projects.conftest import NAMES
from tests.projects.delivered import DAY, PROJECTS, Delivered
from tests.support.counting_store import Counted

LATER = timedelta(days=3)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# of ours only config; heavy things a project may use
ALLOWED_IMPORTS = {"include.config", "pandas", "numpy", "sklearn", "great_expectations"}
every_project = pytest.mark.parametrize("name", NAMES)


def declared(name: str) -> Project:
    return discover(PROJECTS).projects[name]


def test_every_folder_is_a_valid_project() -> None:
    found = discover(PROJECTS)
    assert {name: [str(problem) for problem in problems] for name, problems in found.broken.items()} == {}
    assert sorted(found.projects) == sorted(NAMES)
    assert {"flight_delay", "telco_churn"} <= set(NAMES)


def test_every_demo_feed_serves_a_project() -> None:
    assert set(FEEDS) <= set(NAMES)


@every_project
def test_nothing_is_promoted_without_proof(name: str) -> None:
    gates = declared(name).gates
    primary = declared(name).metrics.primary
    kinds = {type(gate) for gate in gates if isinstance(gate, MetricGate) and gate.metric == primary}
    assert {MinimumGate, BeatsBaselineGate, NotWorseThanChampionGate, LeakAlarmGate} <= kinds
    assert LeakageGate in {type(gate) for gate in gates}


@every_project
def test_the_suite_has_at_least_ten_expectations(name: str) -> None:
    suite = load_module(declared(name), "expectations").build_suite()
    assert len(suite) >= 10
    assert all(is_expectation(expectation) for expectation in suite)
    assert len({repr(expectation) for expectation in suite}) == len(suite)


@every_project
@pytest.mark.parametrize("file", ["features.py", "expectations.py", "behaviour.py"])
def test_the_code_imports_nothing_but_what_a_project_may(name: str, file: str) -> None:
    path = PROJECTS / name / file
    # tests of behaviour are optional
    tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours_or_heavy = {found for found in names if not _in_standard_library(found)}
    assert {found for found in ours_or_heavy if not _allowed(found)} == set()


@every_project
def test_the_readme_says_what_a_successor_asks(name: str) -> None:
    text = (PROJECTS / name / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    for section in ("## Data", "## How good is it", "## Gates"):
        assert section in text
    assert text.count("\n| ") >= len(declared(name).gates)


def test_a_good_day_passes_the_suite(delivered: Delivered) -> None:
    suite = load_module(delivered.project, "expectations").build_suite()
    report = SuiteRunner(delivered.project.name, suite).run(delivered.frame())
    assert [f"{check.label} {check.examples} {check.exception}" for check in report.checks if not check.success] == []


def test_the_declared_columns_are_in_the_frame_and_keys_are_unique(delivered: Delivered) -> None:
    project, frame = delivered.project, delivered.frame()
    needed = {*project.keys, project.target.column, *project.unknown_at_prediction, *project.protected, *project.pii}
    assert needed <= set(frame.columns)
    assert not frame.duplicated(list(project.keys)).any()
    assert not frame[list(project.keys)].isna().any().any()
    assert len(frame) >= project.quality.min_rows


def test_both_classes_are_there(delivered: Delivered) -> None:
    target, column = delivered.project.target, delivered.frame()[delivered.project.target.column].dropna()
    positive = column > target.greater_than if target.greater_than is not None else column == target.equals
    assert 0.05 < positive.mean() < 0.7


def test_features_are_as_declared(delivered: Delivered) -> None:
    features = load_module(delivered.project, "features").build_features(delivered.known(), delivered.history())
    names = delivered.project.features
    # the engine would cast categories and sort columns; the project itself keeps the declaration
    assert sorted(features.columns) == sorted(names.names)
    assert {str(features[name].dtype) for name in names.numeric} == {"float64"}
    assert {str(features[name].dtype) for name in names.categorical} <= {"str"}
    assert features.index.equals(delivered.known().index)
    assert not np.isinf(features[list(names.numeric)].to_numpy()).any()


def test_every_feature_says_something(delivered: Delivered) -> None:
    features = delivered.features()
    assert features.columns[features.isna().all()].tolist() == []
    assert features.isna().mean().max() < 0.8


def test_features_are_pure(delivered: Delivered) -> None:
    module = load_module(delivered.project, "features")
    raw, history = delivered.known(), delivered.history()
    raw_before, history_before = raw.copy(), None if history is None else history.copy()
    first, second = module.build_features(raw, history), module.build_features(raw, history)
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(raw, raw_before)
    if history is not None:
        pd.testing.assert_frame_equal(history, history_before)


def test_features_follow_their_rows_whatever_their_order(delivered: Delivered) -> None:
    module = load_module(delivered.project, "features")
    raw, history = delivered.known(), delivered.history()
    shuffled = raw.sample(frac=1.0, random_state=1)
    assert not shuffled.index.equals(raw.index)
    moved = module.build_features(shuffled, history)
    pd.testing.assert_frame_equal(moved.loc[raw.index], module.build_features(raw, history))


def test_assembling_changes_no_table_and_gives_the_same_twice(delivered: Delivered) -> None:
    tables = read_source(delivered.project, DAY, delivered.store, delivered.connections)
    before = {name: table.copy() for name, table in tables.items()}
    first = assemble(delivered.project, DAY, tables)
    pd.testing.assert_frame_equal(assemble(delivered.project, DAY, tables), first)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, before[name])


def test_a_first_day_without_history_has_features(delivered: Delivered) -> None:
    history = delivered.history()
    nothing = None if history is None else history.head(0)
    features = load_module(delivered.project, "features").build_features(delivered.known(), nothing)
    assert sorted(features.columns) == sorted(delivered.project.features.names)
    assert {str(features[name].dtype) for name in delivered.project.features.numeric} == {"float64"}


def test_features_are_the_same_bytes_with_and_without_later_data(
    delivered: Delivered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = delivered.prepared(DAY)
    with_later = Delivered.into(tmp_path, delivered.project.name).load(DAY, DAY + LATER)
    counted = Counted(monkeypatch, ingest, validate, build_features)
    beside_later = with_later.prepared(DAY)
    assert (beside_later.sha256, beside_later.rows) == (alone.sha256, alone.rows)
    # what came later is other data, and nothing of it was even looked at
    assert not with_later.features(DAY + LATER).equals(delivered.features())
    looked_at = {day for keys in counted.keys.values() for key in keys for day in DATE.findall(key)}
    assert max(looked_at) == DAY.isoformat()


def test_what_happened_on_the_day_changes_no_feature(delivered: Delivered) -> None:
    frame = delivered.frame()
    hidden = [delivered.project.target.column, *delivered.project.unknown_at_prediction]
    changed = frame.assign(**{name: frame[name].sample(frac=1.0, random_state=1).to_numpy() for name in hidden})
    assert not changed.equals(frame)

    history = delivered.history()
    built = build(delivered.project, DAY, changed, history)
    pd.testing.assert_frame_equal(built, build(delivered.project, DAY, frame, history))


def test_a_name_is_one_thing(delivered: Delivered) -> None:
    # a feature may have a raw column's name only when it is that column
    frame, features = delivered.frame(), delivered.features()
    for name in set(frame.columns) & set(features.columns):
        known = frame[name].notna()
        assert features.loc[known, name].tolist() == frame.loc[known, name].tolist()


def _allowed(found: str) -> bool:
    return any(found == root or found.startswith(f"{root}.") for root in ALLOWED_IMPORTS)


def _in_standard_library(found: str) -> bool:
    return found.split(".", maxsplit=1)[0] in sys.stdlib_module_names
