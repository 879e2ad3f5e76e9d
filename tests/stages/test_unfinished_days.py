"""No stage works on a day that is not over, or for which there can be no window."""

from __future__ import annotations

import importlib
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from include.domain.clock import NOW_VARIABLE
from include.domain.errors import AsOfError
from include.domain.names import RETRAIN_STAGES, SCORE_STAGES
from include.domain.results import (
    EvaluateInputs,
    EvaluateResult,
    Origin,
    PartitionInputs,
    PlanInputs,
    PlanResult,
    PromoteInputs,
    ScoreInputs,
    Span,
    TrainInputs,
)
from tests.stages.shop import Shop, contents

NOW = datetime.fromisoformat("2024-03-12T09:00:00+00:00")
TODAY = NOW.date()
PLAN = PlanResult(
    train=Span(first=TODAY, last=TODAY),
    holdout=Span(first=TODAY, last=TODAY),
    days=(TODAY,),
    batches=(),
    fresh=1,
    stale=0,
    reasons={},
)
STAGES = sorted({*RETRAIN_STAGES, *SCORE_STAGES})


def inputs_of(stage: str, shop: Shop, as_of: date) -> Any:
    base = {"as_of": as_of, "store_url": shop.store.url, "tracking_url": "unused", "origin": Origin(run_id="r")}
    if stage == "plan":
        return PlanInputs(**base)
    if stage == "train":
        return TrainInputs(**base, candidate="logistic", plan=PLAN)
    if stage == "evaluate":
        return EvaluateInputs(**base, plan=PLAN, trained=())
    if stage == "promote":
        return PromoteInputs(**base, evaluated=EvaluateResult.model_construct())
    if stage == "score":
        return ScoreInputs(**base)
    return PartitionInputs(**base, days=(as_of,))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("day", [TODAY, TODAY + timedelta(days=400), date.max, date.min])
def test_no_stage_takes_a_day_that_is_not_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, stage: str, day: date
) -> None:
    monkeypatch.setenv(NOW_VARIABLE, NOW.isoformat())
    before = contents(shop.store)
    run = importlib.import_module(f"include.stages.{stage}").run
    with pytest.raises(AsOfError, match=r"not complete yet|too early") as caught:
        run(shop.project, inputs_of(stage, shop, day))
    assert str(day) in str(caught.value)
    assert contents(shop.store) == before


def test_the_newest_day_that_is_over_is_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NOW_VARIABLE, NOW.isoformat())
    assert shop.plan(TODAY - timedelta(days=1)).stale == 6


@pytest.mark.parametrize("stage", ["ingest", "validate", "build_features"])
def test_no_day_that_is_not_over_is_prepared_for_one_that_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setenv(NOW_VARIABLE, NOW.isoformat())
    run = importlib.import_module(f"include.stages.{stage}").run
    with pytest.raises(AsOfError, match="a day that is prepared: the day is not complete yet"):
        run(shop.project, shop.inputs([TODAY]))


def test_the_earliest_days_have_a_window_or_are_refused(shop: Shop) -> None:
    assert len(shop.plan(date(1900, 1, 1)).days) == 6
    with pytest.raises(AsOfError, match="allowed: 1900-01-01 to "):
        shop.plan(date(1899, 12, 31))
