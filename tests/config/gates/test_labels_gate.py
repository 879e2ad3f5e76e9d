"""The labels gate bounds what is missing in each part, and is closed where nothing was counted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

import pytest

from include.config.gates import Evidence, LabelsGate
from include.domain.decision import GateResult
from include.domain.evidence import Labels, LabelsOfDay, Measurements

FIRST = date(2024, 3, 1)


def counted(part: Literal["train", "holdout"], *days: tuple[int, int]) -> tuple[LabelsOfDay, ...]:
    return tuple(
        LabelsOfDay(day=FIRST + timedelta(days=number), part=part, labelled=labelled, missing=missing)
        for number, (labelled, missing) in enumerate(days)
    )


def judged(labels: Labels | None, **bound: Any) -> tuple[GateResult, ...]:
    gate = LabelsGate(kind="labels", **bound)
    return gate.judge(Evidence({"roc_auc": 0.9}, {"roc_auc": 0.5}, measurements=Measurements(labels=labels)))


@pytest.mark.parametrize(
    ("holdout", "train", "passed"),
    [
        ([(60, 0), (60, 0)], [(60, 0)], (True, True)),
        # one day may lack more than its share
        ([(45, 15), (60, 0)], [(60, 0)], (True, True)),
        ([(46, 14), (46, 14)], [(58, 2)], (False, True)),
        ([(58, 2)], [(40, 20), (60, 0)], (True, False)),
        ([(85, 15)], [(17, 3)], (True, True)),
        ([(84, 16)], [(0, 5)], (False, False)),
    ],
)
def test_each_part_is_held_to_the_bound(
    holdout: list[tuple[int, int]], train: list[tuple[int, int]], passed: tuple[bool, bool]
) -> None:
    found = judged(Labels(days=(*counted("train", *train), *counted("holdout", *holdout))))
    assert [each.metric for each in found] == ["missing_labels_holdout", "missing_labels_train"]
    assert tuple(each.passed for each in found) == passed
    assert {each.on_failure for each in found} == {"reject"}
    missing = sum(day[1] for day in holdout)
    rows = sum(map(sum, holdout))
    assert found[0].value == pytest.approx(missing / rows)
    assert found[0].note == f"{missing} of {rows} in the holdout"


def test_a_declared_bound_counts() -> None:
    found = judged(Labels(days=(*counted("train", (46, 14)), *counted("holdout", (46, 14)))), max_missing_fraction=0.25)
    assert [(each.threshold, each.passed) for each in found] == [("<= 0.25", True), ("<= 0.25", True)]


def test_what_was_not_counted_never_passes() -> None:
    assert [(each.value, each.passed, each.outcome) for each in judged(None)] == [(None, False, "failed")] * 2


def test_a_training_that_did_not_count_is_not_judged_by_it() -> None:
    held, learnt = judged(Labels(days=counted("holdout", (60, 0))))
    assert (held.outcome, learnt.outcome) == ("passed", "not_applicable")
