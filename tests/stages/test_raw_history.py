"""Check that a newer snapshot comes in force beside the older one: when a person asks, and when labels matured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest

from include.domain.errors import RawHistoryError
from include.domain.results import Origin
from include.io import keys
from include.io.feature_rows import read_day, read_window
from include.io.manifests import Manifest, get_file, read_manifest, write_manifest
from include.io.tables import get_frame
from include.stages import ingest
from tests.stages.shop import (
    AS_OF,
    DECLARATION,
    FEATURES,
    Shop,
    assert_nothing_half_written,
    contents,
    meanwhile,
    orders,
)

DAY = date(2024, 3, 7)
KNOWN = date(2024, 3, 9)
OTHER = Origin(run_id="scheduled__other", dag_id="shop__score")


def own(shop: Shop, snapshot: Manifest, day: date = DAY) -> Manifest | None:
    return read_manifest(shop.store, keys.snapshot_manifest("shop", day, snapshot.details["snapshot"]))


def read_on(shop: Shop, as_of: date, **changes: Any) -> ingest.IngestResult:
    return ingest.run(shop.project, shop.inputs([DAY], as_of=as_of, **changes))


def with_labels(day: date = DAY) -> pd.DataFrame:
    """Return the day's orders as the source gives them once each refund is known."""
    return orders(day).fillna({"refund": 25.0})


@pytest.fixture
def late(shop: Shop) -> Shop:
    """Return the shop, its labels known two days after the order, without lookback."""
    shop.code(FEATURES.replace('history["refund"]', 'raw["amount"]'))
    return shop.declare(window={**DECLARATION["window"], "label_delay_days": 2, "lookback_days": 0})


def test_a_refresh_puts_a_new_snapshot_in_force_and_keeps_the_old(shop: Shop) -> None:
    days = shop.plan().days
    shop.prepare(days)
    old = shop.raw(DAY)
    shop.deliver(DAY, orders(DAY, rows=40))
    inputs = shop.inputs(days, refresh_raw=True)
    result = ingest.run(shop.project, inputs)
    assert (result.written, result.reused) == (1, 7)
    assert shop.raw(DAY).fingerprint != old.fingerprint
    assert len(get_frame(shop.store, shop.raw(DAY).files["orders"])) == 40
    assert own(shop, old) == old
    assert get_frame(shop.store, old.files["orders"]).equals(orders(DAY))
    # the day itself and the two that look back to it
    assert shop.prepare(days).written == 3
    assert len(read_day(shop.store, shop.project, DAY)) == 40
    assert shop.plan().stale == 0
    assert_nothing_half_written(shop.store, "shop/")


def test_a_refresh_of_an_unchanged_source_changes_nothing(shop: Shop) -> None:
    shop.prepare([DAY])
    before = contents(shop.store)
    assert read_on(shop, AS_OF, refresh_raw=True).written == 0
    assert contents(shop.store) == before


def test_a_source_that_goes_back_gives_the_first_snapshot_again(shop: Shop) -> None:
    read_on(shop, AS_OF)
    first = shop.raw(DAY)
    shop.deliver(DAY, orders(DAY, rows=40))
    read_on(shop, AS_OF, refresh_raw=True)
    shop.deliver(DAY)
    assert read_on(shop, AS_OF, refresh_raw=True, origin=OTHER).written == 1
    assert (shop.raw(DAY).files, shop.raw(DAY).origin) == (first.files, OTHER)
    assert own(shop, first) == first


def test_each_snapshot_has_a_manifest_of_its_own(shop: Shop) -> None:
    read_on(shop, AS_OF)
    for day in (5, 6, 7):
        assert own(shop, shop.raw(date(2024, 3, day)), date(2024, 3, day)) == shop.raw(date(2024, 3, day))


def test_a_snapshot_of_an_older_store_works_and_becomes_whole_before_it_is_replaced(shop: Shop) -> None:
    shop.prepare([DAY])
    old = without_as_of(shop)
    shop.store.delete(keys.snapshot_manifest("shop", DAY, old.details["snapshot"]))
    assert shop.prepare([DAY]).written == 0
    assert own(shop, old) is None
    shop.deliver(DAY, orders(DAY, rows=40))
    # a run for an early day: what the source gives now is not older than what it gave before
    read_on(shop, DAY, refresh_raw=True)
    assert shop.raw(DAY).details["as_of"] == "2024-03-08"
    assert own(shop, old) == old
    assert get_frame(shop.store, old.files["orders"]).equals(orders(DAY))


def without_as_of(shop: Shop) -> Manifest:
    manifest = shop.raw(DAY)
    older = manifest.model_copy(
        update={"details": {name: value for name, value in manifest.details.items() if name != "as_of"}}
    )
    write_manifest(shop.store, keys.raw_manifest("shop", DAY), older)
    return older


def test_labels_that_matured_change_the_day(late: Shop) -> None:
    late.prepare([DAY], as_of=DAY)
    early = late.raw(DAY)
    assert early.details["as_of"] == "2024-03-07"
    late.deliver(DAY, with_labels())
    days = late.plan(KNOWN).days
    late.prepare(days[:-1], as_of=KNOWN)
    assert late.plan(KNOWN).reasons == {"labels matured": 1}
    assert late.prepare([DAY], as_of=KNOWN).unlabelled == 0
    assert late.raw(DAY).details["as_of"] == "2024-03-09"
    assert own(late, early) == early
    assert late.plan(KNOWN).stale == 0


@pytest.mark.parametrize("now", [0, 1])
def test_a_shorter_delay_makes_no_label_mature_that_was_read_too_early(late: Shop, now: int) -> None:
    # scored in the evening, long before its labels were declared to be known
    late.prepare([DAY], as_of=DAY)
    early = late.raw(DAY)
    late.deliver(DAY, with_labels())
    late.declare(window={**DECLARATION["window"], "label_delay_days": now, "lookback_days": 0})
    days = late.plan(KNOWN).days
    late.prepare([day for day in days if day != DAY], as_of=KNOWN)
    assert late.plan(KNOWN).reasons == {"labels matured": 1}
    assert late.prepare([DAY], as_of=KNOWN).unlabelled == 0
    assert own(late, early) == early
    assert late.raw(DAY).details["label_delay_days"] == now
    assert late.plan(KNOWN).stale == 0


def test_a_shorter_delay_reads_a_day_again_only_once(late: Shop) -> None:
    late.prepare([DAY], as_of=DAY)
    late.declare(window={**DECLARATION["window"], "label_delay_days": 0, "lookback_days": 0})
    # the source gives the same: these are the day's labels by the declaration of now
    assert late.prepare([DAY], as_of=DAY).written == 0
    assert late.raw(DAY).details["label_delay_days"] == 0
    before = contents(late.store)
    late.deliver(DAY, with_labels())
    landed = contents(late.store, "landing/")
    assert late.prepare([DAY], as_of=KNOWN).written == 0
    assert contents(late.store) == {**before, **landed}


def test_a_longer_delay_reads_a_day_again_when_it_is_over(late: Shop) -> None:
    late.declare(window={**DECLARATION["window"], "label_delay_days": 0, "lookback_days": 0})
    late.prepare([DAY], as_of=DAY)
    late.deliver(DAY, with_labels())
    late.declare(window={**DECLARATION["window"], "label_delay_days": 2, "lookback_days": 0})
    assert read_on(late, date(2024, 3, 8)).written == 0
    assert read_on(late, KNOWN).written == 1


def test_a_label_that_comes_later_than_declared_is_counted_as_missing_and_read_by_a_refresh(late: Shop) -> None:
    some = orders(DAY)
    some.loc[some.index[some["refund"] > 0][:5], "refund"] = None
    late.deliver(DAY, some)
    missing = int(some["refund"].isna().sum())
    assert late.prepare([DAY], as_of=KNOWN).unlabelled == missing
    late.deliver(DAY, with_labels())
    later = date(2024, 3, 11)
    assert late.prepare([DAY], as_of=later).unlabelled == missing
    window = read_window(late.store, late.project, [DAY])
    assert (window.data[0].rows, window.data[0].unlabelled) == (60 - missing, missing)
    assert late.prepare([DAY], as_of=later, refresh_raw=True).unlabelled == 0


def test_labels_that_stay_the_same_make_no_new_snapshot(late: Shop) -> None:
    late.prepare(late.plan(KNOWN).days, as_of=DAY)
    early = late.raw(DAY)
    # the days before were old enough
    assert late.plan(KNOWN).reasons == {"labels matured": 2}
    before = contents(late.store)
    assert late.prepare(late.plan(KNOWN).days, as_of=KNOWN).written == 0
    assert late.raw(DAY) == early.model_copy(update={"details": {**early.details, "as_of": "2024-03-09"}})
    changed = {key for key, data in contents(late.store).items() if before.get(key) != data}
    assert changed == {keys.raw_manifest("shop", date(2024, 3, day)) for day in (6, 7)}
    assert late.plan(KNOWN).stale == 0


@pytest.mark.parametrize("as_of", [DAY, date(2024, 3, 8)])
def test_a_day_is_not_read_again_before_its_labels_are_known(late: Shop, as_of: date) -> None:
    read_on(late, DAY)
    before = contents(late.store, "shop/")
    late.deliver(DAY, with_labels())
    assert read_on(late, as_of).reused == 1
    assert contents(late.store, "shop/") == before


def test_a_run_for_an_earlier_day_leaves_a_mature_snapshot(late: Shop) -> None:
    read_on(late, KNOWN)
    before = contents(late.store, "shop/")
    late.deliver(DAY, with_labels())
    assert read_on(late, DAY).reused == 1
    assert contents(late.store, "shop/") == before


def test_a_refresh_for_an_earlier_day_makes_no_snapshot_immature(late: Shop) -> None:
    read_on(late, KNOWN)
    late.deliver(DAY, with_labels())
    assert read_on(late, DAY, refresh_raw=True).written == 1
    assert late.raw(DAY).details["as_of"] == "2024-03-09"


def test_a_snapshot_that_does_not_say_when_it_was_read_is_mature(late: Shop) -> None:
    late.prepare(late.plan(KNOWN).days, as_of=KNOWN)
    without_as_of(late)
    late.deliver(DAY, with_labels())
    assert late.plan(KNOWN).stale == 0
    assert read_on(late, KNOWN).reused == 1


def test_a_run_that_loses_to_an_immature_snapshot_reads_again(late: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = with_labels()

    def scoring_is_first() -> None:
        late.deliver(DAY)
        read_on(late, DAY, origin=OTHER)
        late.deliver(DAY, labels)

    late.deliver(DAY, labels)
    meanwhile(monkeypatch, scoring_is_first)
    assert read_on(late, KNOWN).written == 1
    assert get_frame(late.store, late.raw(DAY).files["orders"]).equals(labels)
    assert late.raw(DAY).details["as_of"] == "2024-03-09"


def test_features_that_look_back_see_the_matured_labels(shop: Shop) -> None:
    # scored in the evening of the 7th; the next day's features look back to it, and its labels are known by then
    shop.prepare([DAY], as_of=DAY)
    shop.deliver(DAY, with_labels())
    day = date(2024, 3, 8)
    shop.prepare([day], as_of=day)
    expected = pd.concat([orders(date(2024, 3, 6)), with_labels()])["refund"].mean()
    assert read_day(shop.store, shop.project, day)["refunds_before"].tolist() == pytest.approx([expected] * 60)


@pytest.mark.parametrize("victim", [keys.snapshot_manifest, None])
def test_a_kill_during_a_refresh_leaves_the_old_snapshot_in_force(
    shop: Shop, victim: Callable[..., str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_on(shop, AS_OF)
    old = shop.raw(DAY)
    put = type(shop.store).put

    def die(self: Any, key: str, data: bytes, **conditions: Any) -> Any:
        own_manifest = key.endswith("manifest.json") and "snapshot=" in key
        if own_manifest if victim else key == keys.raw_manifest("shop", DAY):
            raise KeyboardInterrupt
        return put(self, key, data, **conditions)

    shop.deliver(DAY, orders(DAY, rows=40))
    with monkeypatch.context() as patched:
        patched.setattr(type(shop.store), "put", die)
        with pytest.raises(KeyboardInterrupt):
            read_on(shop, AS_OF, refresh_raw=True)
    assert shop.raw(DAY) == old
    assert read_on(shop, AS_OF, refresh_raw=True).written == 1
    assert [len(get_file(shop.store, ref)) for ref in old.files.values()] == [ref.size for ref in old.files.values()]
    assert_nothing_half_written(shop.store, "shop/raw/")


def lose_manifest(shop: Shop) -> Manifest:
    """Delete what puts the day's snapshot in force, and return it."""
    lost = shop.raw(DAY)
    shop.store.delete(keys.raw_manifest("shop", DAY))
    return lost


@pytest.mark.parametrize("also", [None, keys.validation_manifest, keys.snapshot_manifest], ids=["", "check", "own"])
def test_history_that_lost_its_manifest_is_not_read_anew_in_silence(shop: Shop, also: Any) -> None:
    days = shop.plan().days
    shop.prepare(days)
    lost = lose_manifest(shop)
    if also is not None:
        shop.store.delete(also("shop", DAY, *([lost.details["snapshot"]] if also is keys.snapshot_manifest else [])))
    shop.deliver(DAY, orders(DAY, rows=40))
    assert shop.plan().stale
    before = contents(shop.store)
    with pytest.raises(RawHistoryError) as refused:
        ingest.run(shop.project, shop.inputs(days))
    text = str(refused.value)
    assert keys.raw_manifest("shop", DAY) in text
    assert lost.details["snapshot"] in text
    assert "--refresh-raw" in text
    assert not refused.value.retryable
    assert contents(shop.store) == before
    ingest.run(shop.project, shop.inputs(days, refresh_raw=True))
    assert len(get_frame(shop.store, shop.raw(DAY).files["orders"])) == 40


def test_history_that_the_source_still_gives_is_put_in_force_again(shop: Shop) -> None:
    days = shop.plan().days
    shop.prepare(days)
    lost = lose_manifest(shop)
    assert ingest.run(shop.project, shop.inputs(days)).written == 1
    assert (shop.raw(DAY).files, shop.raw(DAY).fingerprint) == (lost.files, lost.fingerprint)
    shop.prepare(days)
    assert shop.plan().stale == 0


def test_what_a_killed_ingest_left_is_no_history(shop: Shop) -> None:
    read_on(shop, AS_OF)
    lose_manifest(shop)
    shop.deliver(DAY, orders(DAY, rows=40))
    read_on(shop, AS_OF)
    assert len(get_frame(shop.store, shop.raw(DAY).files["orders"])) == 40
