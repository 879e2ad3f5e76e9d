"""Let runs prepare the same days at once: the work is shared, and an older result never ends up on top."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from include.domain.errors import PartitionChangedError
from include.domain.results import Origin
from include.io import keys
from include.io.data_docs import read_index
from include.io.feature_rows import read_day
from include.io.manifests import Manifest, read_manifest
from include.stages import build_features, ingest, validate
from tests.stages.shop import Shop, assert_nothing_half_written, contents, orders
from tests.support.killing import Attempt

DAY = date(2024, 3, 7)
DAYS = [date(2024, 3, day) for day in range(4, 12)]
OTHER = Origin(run_id="backfill__other", run_type="backfill")
STAGES = (ingest, validate, build_features)


def after(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, happens: Callable[[], object]) -> None:
    """Let something happen once, right after a function that `module` uses has been called for the first time."""
    function = getattr(module, name)

    def call(*args: Any, **more: Any) -> Any:
        result = function(*args, **more)
        monkeypatch.setattr(module, name, function)
        happens()
        return result

    monkeypatch.setattr(module, name, call)


def other_run_refreshes(shop: Shop, *stages: ModuleType) -> None:
    shop.deliver(DAY, orders(DAY, rows=40))
    for stage in stages:
        stage.run(shop.project, shop.inputs([DAY], origin=OTHER, refresh_raw=True))


def validation(shop: Shop) -> Manifest:
    found = read_manifest(shop.store, keys.validation_manifest("shop", DAY))
    assert found is not None
    return found


def test_a_day_that_another_run_has_prepared_meanwhile_is_not_prepared_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = shop.inputs(DAYS)
    ingest.run(shop.project, inputs)
    after(monkeypatch, validate, "publish", lambda: validate.run(shop.project, shop.inputs(DAYS, origin=OTHER)))
    validate.run(shop.project, inputs)
    after(monkeypatch, build_features, "replace_current", lambda: shop.prepare(DAYS, origin=OTHER))
    # one of the two days of the first portion; its neighbour was made twice, and the other run was first with it
    assert build_features.run(shop.project, inputs).written == 1
    made = [read_manifest(shop.store, keys.validation_manifest("shop", day)) for day in DAYS]
    assert [manifest.origin == OTHER for manifest in made if manifest].count(False) == 2


def test_a_validation_that_another_run_wrote_meanwhile_stays(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = shop.inputs([DAY])
    ingest.run(shop.project, inputs)
    judge = validate.judge
    days: list[str] = []

    def judged(project: Any, frame: Any, checks: Any) -> Any:
        day = frame["placed_on"].iloc[0]
        days.append(day)
        if day == str(DAY) and days.count(day) == 1:
            other_run_refreshes(shop, ingest, validate)
        return judge(project, frame, checks)

    monkeypatch.setattr(validate, "judge", judged)
    assert validate.run(shop.project, inputs).rows == 40
    assert validation(shop).details["snapshot"] == shop.raw(DAY).details["snapshot"]
    assert (validation(shop).origin, validation(shop).details["rows"]) == (OTHER, 40)


def test_features_of_an_older_snapshot_are_never_on_top(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = shop.inputs([DAY])
    ingest.run(shop.project, inputs)
    validate.run(shop.project, inputs)
    after(monkeypatch, build_features, "build", lambda: other_run_refreshes(shop, *STAGES))
    result = build_features.run(shop.project, inputs)
    assert (result.written, result.rows) == (0, 38)
    assert len(read_day(shop.store, shop.project, DAY)) == 40
    assert_nothing_half_written(shop.store, "shop/")


def test_a_day_that_another_run_is_reading_again_is_tried_later(shop: Shop) -> None:
    inputs = shop.inputs([DAY])
    ingest.run(shop.project, inputs)
    validate.run(shop.project, inputs)
    old = shop.raw(DAY).details["snapshot"]
    other_run_refreshes(shop, ingest)
    with pytest.raises(PartitionChangedError) as caught:
        build_features.run(shop.project, inputs)
    assert str(caught.value) == (
        "shop/build_features on 2024-03-07: the day has another raw snapshot than the one that was validated; "
        f"got: snapshot {shop.raw(DAY).details['snapshot']}, validated was {old}; "
        "hint: another run is preparing the day; run validate for it if none is"
    )
    assert caught.value.retryable
    other_run_refreshes(shop, validate)
    assert build_features.run(shop.project, inputs).rows == 38


@pytest.mark.parametrize(("module", "name"), [(validate, "assemble"), (build_features, "build")])
def test_a_day_that_keeps_changing_is_given_up(
    shop: Shop, module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = shop.inputs([DAY])
    key = {validate: keys.validation_manifest, build_features: keys.features_manifest}[module]("shop", DAY)
    shop.prepare([DAY])
    function = getattr(module, name)

    def call(*args: Any) -> Any:
        shop.store.put(key, shop.store.get(key) + b" ")
        return function(*args)

    monkeypatch.setattr(module, name, call)
    with pytest.raises(PartitionChangedError, match=r"on 2024-03-07: other runs kept changing the day; got: 5 lost"):
        module.run(shop.project, inputs.model_copy(update={"force": True}))


def prepare(shop: Shop, run_id: str) -> int:
    return shop.prepare(DAYS, origin=Origin(run_id=run_id)).written


def test_two_processes_prepare_the_same_days_safely(shop: Shop) -> None:
    runs = [Attempt(prepare, shop, run_id) for run_id in ("backfill of May", "backfill of June")]
    assert 8 <= sum(run.result() for run in runs) <= 16
    assert shop.prepare(DAYS).written == 0
    assert_nothing_half_written(shop.store, "shop/")
    assert len(read_index(shop.store.get(keys.data_docs("shop")))) == 10
    together = rows_of(shop)
    for key in contents(shop.store, "shop/"):
        shop.store.delete(key)
    shop.prepare(DAYS)
    assert rows_of(shop) == together


def rows_of(shop: Shop) -> dict[str, bytes]:
    return {key: data for key, data in contents(shop.store, "shop/").items() if key.endswith(".parquet")}
