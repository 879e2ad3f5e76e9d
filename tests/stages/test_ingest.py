"""Check that raw data becomes history once, whole, and never changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from include.config.day_fingerprints import digest, source_digest
from include.domain.errors import PartitionChangedError, SourceDataError, SourceIncompleteError
from include.domain.results import Origin
from include.io import keys, sources
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, read_manifest, write_manifest
from include.io.raw_rows import load_tables
from include.io.tables import get_frame
from include.operations.retention.records import GRACE
from include.stages import ingest
from tests.operations.aged import later
from tests.stages.shop import (
    DECLARATION,
    FEATURES,
    Shop,
    assert_nothing_half_written,
    contents,
    customers,
    meanwhile,
    orders,
)

DAY = date(2024, 3, 7)
RAW = "shop/raw/"
OTHER = Origin(run_id="backfill__other", run_type="backfill")


def raw(shop: Shop, day: date = DAY) -> Manifest:
    manifest = read_manifest(shop.store, keys.raw_manifest("shop", day))
    assert manifest is not None
    return manifest


def test_a_batch_is_snapshot_with_the_days_it_looks_back_to(shop: Shop) -> None:
    result = ingest.run(shop.project, shop.inputs([DAY]))
    assert (result.days, result.written, result.reused) == ((DAY,), 3, 0)
    assert result.rows == 3 * (60 + 20)
    folders = {key.split("/")[2] for key in contents(shop.store, RAW)}
    assert {each for each in folders if not each.startswith("content=")} == {
        f"date=2024-03-0{day}" for day in (5, 6, 7)
    }
    assert_nothing_half_written(shop.store, RAW)


def test_a_landing_zone_of_its_own_is_only_read(shop: Shop, tmp_path: Path) -> None:
    elsewhere = LocalStore(f"file://{tmp_path / 'another'}")
    inputs = shop.inputs([DAY]).model_copy(update={"store_url": elsewhere.url, "landing_url": shop.store.url})
    before = contents(shop.store)
    assert ingest.run(shop.project, inputs).written == 3
    assert contents(shop.store) == before
    assert contents(elsewhere, RAW)
    assert contents(elsewhere).keys() == contents(elsewhere, RAW).keys()
    with pytest.raises(SourceDataError, match="the file is missing"):
        ingest.run(shop.project, inputs.model_copy(update={"landing_url": "", "refresh_raw": True}))


def test_a_snapshot_keeps_what_the_source_gave(shop: Shop) -> None:
    ingest.run(shop.project, shop.inputs([DAY]))
    manifest = raw(shop)
    assert get_frame(shop.store, manifest.files["orders"]).equals(orders(DAY))
    assert (manifest.kind, manifest.day, manifest.origin.run_id) == ("raw", DAY, "manual__test")
    assert manifest.details["snapshot"] in manifest.files["orders"].key


def test_a_second_run_writes_nothing(shop: Shop) -> None:
    ingest.run(shop.project, shop.inputs([DAY]))
    before = contents(shop.store)
    result = ingest.run(shop.project, shop.inputs([DAY]))
    assert (result.written, result.reused) == (0, 3)
    assert contents(shop.store) == before


def test_the_same_content_has_the_same_id_everywhere(shop: Shop) -> None:
    ingest.run(shop.project, shop.inputs([DAY]))
    first = raw(shop)
    shop.store.delete(keys.raw_manifest("shop", DAY))
    ingest.run(shop.project, shop.inputs([DAY]))
    assert raw(shop).files == first.files


def test_a_kill_before_the_manifest_heals(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    put = LocalStore.put

    def die_at_the_manifest(self: LocalStore, key: str, data: bytes, **conditions: object) -> object:
        if key == keys.raw_manifest("shop", DAY):
            raise KeyboardInterrupt
        return put(self, key, data, **conditions)

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "put", die_at_the_manifest)
        with pytest.raises(KeyboardInterrupt):
            ingest.run(shop.project, shop.inputs([DAY]))
    assert read_manifest(shop.store, keys.raw_manifest("shop", DAY)) is None
    ingest.run(shop.project, shop.inputs([DAY]))
    assert_nothing_half_written(shop.store, RAW)
    assert get_frame(shop.store, raw(shop).files["orders"]).equals(orders(DAY))


def test_another_run_that_was_first_wins(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    one_day = shop.declare(window={**DECLARATION["window"], "lookback_days": 0})

    def other_run() -> None:
        shop.deliver(DAY, orders(DAY, rows=30))
        ingest.run(shop.project, shop.inputs([DAY], origin=OTHER))

    meanwhile(monkeypatch, other_run)
    result = ingest.run(one_day.project, shop.inputs([DAY]))
    assert (result.written, result.reused, result.rows) == (0, 1, 30 + 20)
    assert raw(shop).origin == OTHER


def test_all_days_are_tried_before_bad_ones_are_reported(shop: Shop) -> None:
    shop.store.delete("landing/orders/2024-03-04.parquet")
    shop.store.put("landing/orders/2024-03-06.parquet", shop.store.get("landing/orders/2024-03-05.parquet")[:900])
    shop.deliver(date(2024, 3, 8), orders(DAY).head(0))
    with pytest.raises(SourceDataError) as caught:
        ingest.run(shop.project, shop.inputs([date(2024, 3, day) for day in range(5, 10)]))
    text = str(caught.value)
    assert text.startswith(
        "shop/ingest: 3 of 7 days could not be read from the source; got: [2024-03-04] shop/2024-03-04"
    )
    assert "table 'orders': the file is missing" in text
    assert "[2024-03-06] shop/2024-03-06: table 'orders'" in text
    assert "not a readable Parquet file" in text
    assert "the file has no rows" in text
    assert "or list the day in window.excluded" in text
    written = [day for day in range(3, 10) if read_manifest(shop.store, keys.raw_manifest("shop", date(2024, 3, day)))]
    assert written == [3, 5, 7, 9]
    assert_nothing_half_written(shop.store, RAW)


def test_many_days_that_are_bad_in_the_same_way_are_told_once(shop: Shop) -> None:
    with pytest.raises(SourceDataError) as caught:
        ingest.run(shop.project, shop.inputs([date(2023, 1, day) for day in range(10, 18)]))
    text = str(caught.value)
    assert "10 of 10 days could not be read" in text
    assert "[10 days (2023-01-08 to 2023-01-17)] shop/2023-01-08: " in text
    assert text.count("the file is missing") == 1
    # what is the same on every day is rather declared wrongly
    assert text.rpartition("hint: ")[2].startswith("every day is like this: look at source in project.yaml")


def test_an_excluded_day_is_not_asked_for(shop: Shop) -> None:
    shop.store.delete("landing/orders/2024-03-06.parquet")
    shop.declare(window={**DECLARATION["window"], "excluded": [date(2024, 3, 6)]})
    assert ingest.run(shop.project, shop.inputs([DAY])).written == 2


def test_a_source_declared_otherwise_is_read_again(shop: Shop) -> None:
    ingest.run(shop.project, shop.inputs([DAY]))
    tables = {name: dict(table) for name, table in DECLARATION["source"]["tables"].items()}
    tables["prices"] = {"path": "landing/prices.csv"}
    shop.store.put("landing/prices.csv", b"article,price\na,1\n")
    shop.declare(source={"kind": "files", "tables": tables})
    assert ingest.run(shop.project, shop.inputs([DAY])).written == 3
    assert set(raw(shop).files) == {"orders", "customers", "prices"}


def test_a_day_that_others_keep_changing_is_tried_again_later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest.run(shop.project, shop.inputs([DAY]))
    key = keys.raw_manifest("shop", DAY)
    meanwhile(monkeypatch, lambda: shop.store.put(key, shop.store.get(key) + b" "))
    shop.deliver(DAY, orders(DAY, rows=30))
    with pytest.raises(PartitionChangedError) as caught:
        ingest.run(shop.project, shop.inputs([DAY], refresh_raw=True))
    assert str(caught.value) == (
        "shop/ingest on 2024-03-07: other runs kept changing the day; got: 5 lost writes; hint: run it again"
    )
    assert caught.value.retryable


def test_only_files_that_may_be_arriving_are_worth_another_try(shop: Shop) -> None:
    whole = shop.store.get(f"landing/orders/{DAY}.parquet")
    shop.store.put(f"landing/orders/{DAY}.parquet", whole[:-10])
    with pytest.raises(SourceIncompleteError, match="1 of 3 days could not be read"):
        ingest.run(shop.project, shop.inputs([DAY]))
    shop.store.put("landing/orders/2024-03-08.parquet", b"something else")
    both = shop.inputs([DAY, date(2024, 3, 8)])
    with pytest.raises(SourceDataError, match="2 of 4 days could not be read") as caught:
        ingest.run(shop.project, both)
    assert not caught.value.retryable
    shop.store.put("landing/orders/2024-03-08.parquet", whole)
    shop.store.put(f"landing/orders/{DAY}.parquet", whole)
    assert ingest.run(shop.project, both).written == 2


def test_a_declaration_without_newer_keys_keeps_its_hash(shop: Shop) -> None:
    # of the stores of an older version: another hash would read their history from the source again
    assert source_digest(shop.project) == digest(
        {
            "source": {
                "kind": "files",
                "tables": {
                    "orders": {"path": "landing/orders/{date}.parquet", "required": True},
                    "customers": {"path": "landing/customers.csv", "required": True},
                },
            }
        }
    )


def shared_tables(shop: Shop) -> list[str]:
    return sorted(key for key in contents(shop.store, RAW) if "/content=" in key)


def test_days_share_an_undated_table_until_it_changes(shop: Shop) -> None:
    ingest.run(shop.project, shop.inputs([DAY]))
    (first,) = shared_tables(shop)
    assert {raw(shop, date(2024, 3, day)).files["customers"].key for day in (5, 6, 7)} == {first}
    assert first.rpartition("/")[2] == "customers.parquet"
    assert len({raw(shop, date(2024, 3, day)).files["orders"].key for day in (5, 6, 7)}) == 3
    moved = customers().assign(country="IT")
    shop.store.put("landing/customers.csv", moved.to_csv(index=False).encode())
    ingest.run(shop.project, shop.inputs([date(2024, 3, 9)]))
    assert len(shared_tables(shop)) == 2
    assert raw(shop).files["customers"].key == first
    assert set(load_tables(shop.store, raw(shop))["customers"]["country"]) == {"DE", "FR", "IT"}
    assert set(load_tables(shop.store, raw(shop, date(2024, 3, 9)))["customers"]["country"]) == {"IT"}
    assert_nothing_half_written(shop.store, RAW)


def test_a_shared_table_that_retention_may_take_is_written_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 * ingest.RENEWED_AFTER <= GRACE
    ingest.run(shop.project, shop.inputs([DAY]))
    (shared,) = shared_tables(shop)
    data = shop.store.get(shared)
    written: list[str] = []
    put = LocalStore.put

    def noted(self: LocalStore, key: str, data: bytes, **conditions: Any) -> Any:
        written.append(key)
        return put(self, key, data, **conditions)

    monkeypatch.setattr(LocalStore, "put", noted)
    ingest.run(shop.project, shop.inputs([date(2024, 3, 8)]))
    assert shared not in written
    later(monkeypatch, hours=13)
    ingest.run(shop.project, shop.inputs([date(2024, 3, 9)]))
    assert shared in written
    shop.store.delete(shared)
    ingest.run(shop.project, shop.inputs([date(2024, 3, 10)]))
    assert shop.store.get(shared) == data


def test_snapshots_that_hold_every_table_themselves_still_read(shop: Shop) -> None:
    ingest.run(shop.project, shop.inputs([DAY]))
    now = raw(shop)
    ref = now.files["customers"]
    own = keys.raw_table("shop", DAY, now.details["snapshot"], "customers")
    older = now.model_copy(update={"files": {**now.files, "customers": ref.model_copy(update={"key": own})}})
    shop.store.put(own, shop.store.get(ref.key))
    write_manifest(shop.store, keys.raw_manifest("shop", DAY), older)
    assert ingest.run(shop.project, shop.inputs([DAY], refresh_raw=True)).written == 0
    assert raw(shop).files == older.files
    assert len(load_tables(shop.store, raw(shop))["customers"]) == 20


def test_what_days_share_is_read_once_and_no_day_changes_it_for_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = customers().assign(country=["FR", "IT", "DE", "FR"] * 5)
    shop.store.put("landing/customers.csv", others.to_csv(index=False).encode())
    read: list[int] = []
    parse = sources._from_csv

    def noted(data: bytes, table: Any, where: str) -> Any:
        read.append(len(data))
        return parse(data, table, where)

    monkeypatch.setattr(sources, "_from_csv", noted)
    shop.code(
        features=FEATURES.replace(
            "    return tables",
            "    tables['customers']['country'] = tables['customers']['country'].replace('FR', 'DE')\n"
            "    tables['customers'].columns = [name for name in tables['customers']]\n    return tables",
            1,
        )
    )
    days = [date(2024, 3, day) for day in range(5, 10)]
    shop.prepare(days)
    assert len(read) == 1
    for day in days:
        assert load_tables(shop.store, raw(shop, day))["customers"].equals(others.astype({"age_group": "str"}))
