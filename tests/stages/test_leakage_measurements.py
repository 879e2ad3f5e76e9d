"""What smells of the answer is measured on the holdout's rows, and on nights that no backfill belongs to."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.config.project import Project
from include.domain.decision import LedgerEntry
from include.domain.evidence import Leakage
from include.domain.results import Origin
from include.io import keys
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.stages.evaluate.gate_measurements import measure_leakage
from tests.support.counting_store import CountingStore
from tests.support.model_nights import make_project, make_rows

DAY = date(2013, 6, 1)
ROWS = 3000
Record = Callable[..., None]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"file://{tmp_path / 'store'}")


@pytest.fixture
def ledger(store: ObjectStore) -> Ledger:
    return Ledger(store, "parcels")


@pytest.fixture
def record(ledger: Ledger) -> Record:
    """Return a writer of a night's decision: `record(days_before, value)`."""

    def write(back: int, value: float | None, **changes: Any) -> None:
        origin = Origin(run_id="r", run_type=changes.pop("run_type", "scheduled"))
        fields: dict[str, Any] = {
            "kind": "decision",
            "project": "parcels",
            "as_of": DAY - timedelta(days=back),
            "made_at": datetime(2013, 6, 2, tzinfo=UTC),
            "verdict": "HOLD",
            "reason": "a tie",
            "decision_id": "d",
            "decision_uri": "",
            "candidate": "linear",
            "candidate_id": "c",
            "metric": "roc_auc",
            "value": value,
            "origin": origin,
        }
        ledger.append(lambda number, _: LedgerEntry(**{"number": number, **fields, **changes}))

    return write


def best_before(project: Project, ledger: Ledger, as_of: date = DAY) -> tuple[float, int] | None:
    """Return what a run as of a day sees."""
    return measured(project, make_rows(DAY), ledger, as_of).best_before


def measured(project: Project, frame: pd.DataFrame, ledger: Ledger, as_of: date = DAY) -> Leakage:
    """Measure rows of one day, when two days before are learnt from."""
    days = [make_rows(DAY - timedelta(days=back)).assign(day=f"before {back}") for back in (1, 2)]
    return measure_leakage(project, pd.concat(days), frame.assign(day="judged"), ledger, as_of)


def test_injected_leaks_lead_the_list_and_honest_features_follow(project: Project, ledger: Ledger) -> None:
    frame = make_rows(DAY, rows=ROWS)
    honest = measured(project, frame, ledger)
    assert {name for name, _ in honest.single_feature_auc} == {"weight", "distance", "city"}
    assert honest.single_feature_auc[0][0] == "weight"
    assert max(auc for _, auc in honest.single_feature_auc) < 0.9
    assert (honest.same_as_target, honest.best_before, honest.metric) == ((), None, "roc_auc")
    assert honest.positives + honest.negatives == ROWS
    # parcels have the same numbers every day
    assert honest.repeats is not None
    assert (honest.repeats.keys_by_nature, honest.repeats.rows, honest.repeats.alike) == (1.0, 0.0, 0.0)

    chance = np.random.default_rng(3)
    frame["distance"] = frame["late"] * 100 + chance.normal(0, 20, ROWS)
    frame["city"] = pd.Series(np.where(frame["late"] == 1, "depot", "home"), dtype="str")
    leaking = measured(project, frame, ledger)
    assert [name for name, _ in leaking.single_feature_auc] == ["city", "distance", "weight"]
    assert leaking.single_feature_auc[0][1] == 1.0
    assert 0.99 < leaking.single_feature_auc[1][1] < 1
    assert leaking.same_as_target == ("city",)
    assert measured(project, frame, ledger) == leaking


def test_the_best_of_the_nights_before_counts_in_the_metrics_direction(
    project: Project, ledger: Ledger, record: Record, tmp_path: Path
) -> None:
    assert best_before(project, ledger) is None
    for back, value in ((4, 0.61), (3, 0.66), (2, 0.63)):
        record(back, value)
    assert best_before(project, ledger) == (0.66, 3)
    lower = make_project(tmp_path, metrics={"primary": "log_loss", "also": []})
    assert best_before(lower, ledger) is None
    for back, value in ((1, 0.7), (5, 0.4)):
        record(back, value, metric="log_loss")
    assert best_before(lower, ledger) == (0.4, 2)
    assert best_before(project, ledger) == (0.66, 3)


def test_only_earlier_nights_of_the_season_count_and_each_day_once(
    project: Project, ledger: Ledger, record: Record
) -> None:
    for back, value in ((101, 0.99), (100, 0.60), (2, 0.61), (2, 0.62), (0, 0.97), (-1, 0.98)):
        record(back, value)
    assert best_before(project, ledger) == (0.62, 2)
    assert best_before(project, ledger, DAY - timedelta(days=2)) == (0.99, 2)
    # entries of before the value was kept
    record(1, None, metric="")
    assert best_before(project, ledger) == (0.62, 2)


def test_neither_a_rejected_night_nor_what_a_person_did_moves_the_band(
    project: Project, ledger: Ledger, record: Record
) -> None:
    record(3, 0.6)
    record(2, 0.95, verdict="REJECT")
    record(1, 0.94, kind="promotion", version="1")
    record(1, 0.93, kind="pin", verdict=None)
    assert best_before(project, ledger) == (0.6, 1)
    # a day that was fine when it was first judged stays
    record(3, 0.96, verdict="REJECT")
    assert best_before(project, ledger) == (0.6, 1)
    record(3, 0.65)
    record(2, 0.6, kind="promotion", version="2")
    record(2, 0.6, kind="rollback", version="1")
    assert best_before(project, ledger) == (0.65, 1)


def test_the_runs_of_a_backfill_see_the_same_nights_in_whatever_order_they_end(
    project: Project, record: Record, ledger: Ledger
) -> None:
    for back in (9, 8, 7):
        record(back, 0.6 + back / 1000)
    seen = {back: best_before(project, ledger, DAY - timedelta(days=back)) for back in range(8)}
    assert seen[0] == (0.609, 3)
    for order in itertools.islice(itertools.permutations(range(8)), 0, None, 7000):
        for back in order:
            assert best_before(project, ledger, DAY - timedelta(days=back)) == seen[back]
            record(back, 0.9, run_type="backfill")


def test_a_night_reads_one_entry_however_many_there_are(project: Project, store: ObjectStore, record: Record) -> None:
    for back in range(60, 0, -1):
        record(back, 0.7 if back > 30 else 0.6)
    calls: Counter[str] = Counter()
    read: dict[str, set[str]] = {}
    # thirty nights are kept: the better ones of before are forgotten
    assert best_before(project, Ledger(CountingStore(store, calls, read), "parcels")) == (0.6, 30)
    assert read["read"] == {keys.ledger_entry("parcels", 60)}
    assert calls["read"] == 1
