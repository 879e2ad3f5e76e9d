"""Check that labels which are missing when they are due are counted, shown by group, and kept in the decision."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from include.domain.evidence import Labels
from include.io.feature_rows import read_window
from include.io.ledger import read_decision
from include.io.models import holdout_days, train_days
from include.stages.evaluate.gate_measurements import measure_labels
from tests.support.model_nights import FIRST, HOLDOUT_DAYS, ROWS, Nights, make_project, make_rows
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path) -> Nights:
    copy_prepared(prepared_tracking, tmp_path)
    one = [{"name": "linear", "estimator": "logistic_regression"}]
    return Nights(tmp_path, make_project(tmp_path, candidates=one, slices=["city"]))


def unlabel(nights: Nights, *, city: str, train: int, holdout: int) -> None:
    """Take the label of the first rows of a city away: so many on each day of train part and holdout."""
    plan = nights.plan(AS_OF)
    for days, number in ((train_days(plan), train), (holdout_days(plan), holdout)):
        for day in days:
            frame = make_rows(day, strength=nights.strength)
            chosen = np.flatnonzero(frame["city"] == city)[:number]
            frame["late"] = frame["late"].astype("Int8")
            frame.loc[chosen, "late"] = None
            nights.write_day(day, frame)


def measured(nights: Nights) -> Labels:
    plan = nights.plan(AS_OF)
    learnt = read_window(nights.store, nights.project, train_days(plan))
    return measure_labels(nights.project, learnt.data, read_window(nights.store, nights.project, holdout_days(plan)))


def test_missing_labels_are_counted_by_day_and_by_group(nights: Nights) -> None:
    unlabel(nights, city="Oslo", train=2, holdout=9)
    found = measured(nights)
    assert found.missing("train") == (2 * 6, 6 * ROWS)
    assert found.missing("holdout") == (9 * HOLDOUT_DAYS, HOLDOUT_DAYS * ROWS)
    assert {day.missing for day in found.days if day.part == "holdout"} == {9}
    groups = {group.group: group for group in found.groups}
    assert {name: group.missing for name, group in groups.items() if group.missing} == {"Oslo": 18}
    assert sum(group.labelled + group.missing for group in groups.values()) == HOLDOUT_DAYS * ROWS


def test_where_no_label_is_missing_that_is_known_too(nights: Nights) -> None:
    found = measured(nights)
    assert (found.missing("train"), found.missing("holdout")) == ((0, 6 * ROWS), (0, HOLDOUT_DAYS * ROWS))


def test_records_of_before_they_were_counted_say_nothing(nights: Nights) -> None:
    plan = nights.plan(AS_OF)
    learnt = read_window(nights.store, nights.project, train_days(plan))
    older = [each.model_copy(update={"unlabelled": None}) for each in learnt.data]
    found = measure_labels(nights.project, older, read_window(nights.store, nights.project, holdout_days(plan)))
    assert found.missing("train") is None
    assert found.missing("holdout") is not None


@pytest.mark.parametrize(("missing", "verdict"), [(6, "PROMOTE"), (30, "REJECT")])
def test_the_gate_rejects_where_too_many_are_missing(nights: Nights, missing: int, verdict: str) -> None:
    unlabel(nights, city="Oslo", train=0, holdout=missing)
    result = nights.evaluate(AS_OF)
    assert result.verdict == verdict
    assert ("missing_labels_holdout" in result.reason) is (verdict == "REJECT")


def test_the_decision_keeps_them_and_its_pages_say_them(nights: Nights) -> None:
    unlabel(nights, city="Oslo", train=1, holdout=4)
    result = nights.evaluate(AS_OF)
    decision = read_decision(nights.store, "parcels", result.decision_id)
    assert decision.measurements.labels == measured(nights)
    assert {each.unlabelled for each in decision.holdout_data} == {4}
    report = nights.store.get(nights.store.key_of(result.report_uri)).decode()
    for said in ("had no label when it was due", "Most are missing where city is Oslo"):
        assert said in report
