"""Each kind of thing that goes, and each reason that something stays."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.config.project import Project
from include.domain.decision import LedgerEntry
from include.io import keys
from include.io.champion_alias import follow_ledger
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.manifests import read_manifest, write_manifest
from include.io.tracking import Tracking
from include.operations.retention import run as retention
from include.operations.retention.records import RetentionInputs, RetentionResult
from include.operations.retention.run import run
from tests.operations.aged import assert_whole, client_of, gone, later, night_of, retain, size_of
from tests.stages.shop import AS_OF, Shop, customers
from tests.support.model_nights import Nights
from tests.support.tracking import copy_prepared

# the shop's window of 6 days, 2 looked back to and 1 of delay
SHOP_KEEP = {"raw_days": 9, "features_days": 7, "versions": 2}
FIRST = date(2024, 2, 26)


def _pin(nights: Nights, champion: LedgerEntry) -> None:
    Ledger(nights.store, "parcels").append(
        lambda number, _: champion.model_copy(update={"number": number, "kind": "pin", "verdict": None})
    )


def _tracking(nights: Nights) -> Tracking:
    return Tracking(nights.tracking_url, "parcels", nights.store.uri(keys.tracking_artifacts("parcels")))


def _entry(nights: Nights, version: str) -> LedgerEntry:
    return next(entry for entry in Ledger(nights.store, "parcels").entries() if entry.version == version)


def _why(result: RetentionResult, version: str) -> list[str]:
    return [one.why for one in result.kept if one.what.startswith(f"version {version}")]


def test_what_is_pinned_stays_with_its_rows(aged: Nights) -> None:
    _pin(aged, _entry(aged, "1"))
    result = retain(aged)
    assert gone(result, "versions") == ["version 4"]
    assert _why(result, "1") == ["pinned"]
    days = {one.day for one in result.kept if one.why.startswith("version 1 was ")}
    assert days == {night_of(1) - timedelta(days=back) for back in range(8)}


def test_what_a_rollback_brings_back_stays(aged: Nights) -> None:
    first = _entry(aged, "1")
    Ledger(aged.store, "parcels").append(
        lambda number, _: first.model_copy(update={"number": number, "kind": "rollback", "verdict": None})
    )
    follow_ledger(aged.store, "parcels", aged.tracking_url, must=True)
    result = retain(aged)
    assert _why(result, "1") == ["champion in force"]
    # what was rolled back is no champion any more; what lost against it goes with it
    models = [one.name for one in result.removed if one.kind == "versions"]
    assert gone(result, "versions")[:-1] == ["version 2", "version 3", "version 4"]
    assert models[-1].startswith("weak-")


def test_more_versions_are_kept_when_more_are_declared(aged: Nights) -> None:
    assert gone(retain(aged, dry_run=True, versions=3), "versions") == []
    assert gone(retain(aged, dry_run=True, versions=2), "versions") == ["version 1", "version 4"]


def test_what_an_alias_of_mlflow_names_stays(aged: Nights) -> None:
    client_of(aged).set_registered_model_alias("parcels", "shadow", "4")
    result = retain(aged)
    assert _why(result, "4") == ["MLflow's alias shadow points at version 4"]
    assert gone(result, "versions") == ["version 1"]


def test_failed_runs_go_and_open_ones_stay(aged: Nights) -> None:
    tracking = _tracking(aged)
    lost, failed = tracking.start("nobody-1", "nobody", {}), tracking.start("nobody-2", "nobody", {})
    champion = client_of(aged).create_run(client_of(aged).get_run(lost.run_id).info.experiment_id)
    client_of(aged).set_tag(champion.info.run_id, "candidate_id", _entry(aged, "3").candidate_id)
    client_of(aged).set_terminated(champion.info.run_id, "FAILED")
    tracking.fail(failed.run_id, "no memory")
    aged.store.put(f"parcels/mlflow/{failed.run_id}/artifacts/half.txt", b"half")
    result = retain(aged)
    orphans = {run for one in result.removed if one.kind == "orphans" for run in one.runs}
    assert orphans == {failed.run_id, champion.info.run_id}
    assert [one.why for one in result.kept if one.what == "nobody-1"] == ["a run of it is open in MLflow"]
    assert client_of(aged).get_run(lost.run_id).info.lifecycle_stage == "active"
    assert client_of(aged).get_run(failed.run_id).info.lifecycle_stage == "deleted"
    assert not list(aged.store.list(f"parcels/mlflow/{failed.run_id}/"))
    assert retain(aged).removed == ()


def test_what_killed_writers_left_goes(aged: Nights) -> None:
    left = [
        "parcels/models/linear-0000/model.skops",
        "parcels/models/requests/linear-0001/request.json",
        f"parcels/mlflow/{'0' * 32}/artifacts/model/model.skops",
        "parcels/releases/version=77/model.skops",
        f"parcels/features/date={night_of(6)}/{'0' * 16}.parquet",
        f"parcels/features/date={night_of(6) + timedelta(days=1)}/{'0' * 16}.parquet",
    ]
    for key in left:
        aged.store.put(key, b"left")
    before = size_of(aged.store)
    result = retain(aged)
    assert [(one.kind, one.name) for one in result.removed if one.size == len(b"left")] == [
        ("superseded", "2013-06-10"),
        ("orphans", "2013-06-11"),
        ("orphans", "linear-0000"),
        ("orphans", "release 77"),
        ("orphans", f"run {'0' * 32}"),
        ("orphans", "training request linear-0001"),
    ]
    assert not any(aged.store.exists(key) for key in left)
    assert before - size_of(aged.store) == result.size


def test_what_nobody_knows_is_named_and_never_touched(aged: Nights) -> None:
    strange = [
        "parcels/features/date=2013-02-31/x.parquet",
        "parcels/models/a/b/c",
        "parcels/notes.txt",
        "parcels/raw/2013/x",
    ]
    for key in strange:
        aged.store.put(key, b"mine")
    aged.store.put("parcelsandmore/features/date=2001-01-01/x.parquet", b"another project's")
    client = client_of(aged)
    run_id = client.create_run(client.get_run(_entry(aged, "1").tracking_run_id).info.experiment_id).info.run_id
    version = client.create_model_version("parcels", "file:///mine", run_id).version
    result = retain(aged)
    assert result.unknown == (
        *(aged.store.uri(key) for key in sorted(strange)),
        f"MLflow run {run_id}",
        f"MLflow model version {version}",
    )
    assert all(aged.store.exists(key) for key in strange)
    assert aged.store.exists("parcelsandmore/features/date=2001-01-01/x.parquet")
    assert client.get_run(run_id).info.lifecycle_stage == "active"
    assert client.get_model_version("parcels", str(version)).run_id == run_id


def test_runs_and_versions_of_another_store_are_left_alone(aged: Nights) -> None:
    client = client_of(aged)
    before = client.search_model_versions("name = 'parcels'")
    other = LocalStore(f"file://{aged.folder / 'other'}")
    other.put("parcels/models/linear-0000/model.skops", b"left")
    result = run(aged.project, RetentionInputs(store_url=other.url, tracking_url=aged.tracking_url, dry_run=False))
    assert [(one.kind, one.name) for one in result.removed] == [("orphans", "linear-0000")]
    assert client.search_model_versions("name = 'parcels'") == before


@pytest.fixture(scope="module")
def _shop_folder(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    copy_prepared(prepared_tracking, folder)
    return folder


@pytest.fixture(scope="module")
def shop(_shop_folder: Path) -> Shop:
    """Return the shop with 16 prepared days, the last of them prepared twice by other code."""
    folder = _shop_folder / "projects" / "shop"
    folder.mkdir(parents=True)
    shop = Shop(folder, LocalStore(f"file://{_shop_folder / 'store'}")).declare(keep=SHOP_KEEP).code()
    shop.deliver_all(FIRST - timedelta(days=2), AS_OF)
    shop.prepare([FIRST + timedelta(days=number) for number in range((AS_OF - FIRST).days + 1)])
    features = (folder / "features.py").read_text()
    shop.code(features=features.replace('raw["amount"].astype("float64")', 'raw["amount"].astype("float64") + 1'))
    shop.prepare([AS_OF])
    return shop


def _retain_shop(shop: Shop, *, dry_run: bool = False) -> RetentionResult:
    project: Project = shop.project
    tracking_url = f"sqlite:///{shop.folder.parents[1] / 'mlflow.db'}"
    inputs = RetentionInputs(store_url=shop.store.url, tracking_url=tracking_url, dry_run=dry_run)
    return run(project, inputs)


def test_days_of_a_real_project_go_whole_and_the_next_night_prepares_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch)
    planned = shop.plan()
    half = keys.raw_table("shop", AS_OF, "0" * 16, "orders")
    shop.store.put(half, b"half")
    before = size_of(shop.store)
    asked, done = _retain_shop(shop, dry_run=True), _retain_shop(shop)
    assert asked.removed == done.removed
    assert before - size_of(shop.store) == done.size > 0
    old = [FIRST - timedelta(days=2) + timedelta(days=number) for number in range(7)]
    assert gone(done, "raw") == [day.isoformat() for day in old]
    assert gone(done, "features") == [(FIRST + timedelta(days=number)).isoformat() for number in range(7)]
    assert [(one.kind, one.name, one.files) for one in done.removed if one.kind not in ("raw", "features")] == [
        ("orphans", AS_OF.isoformat(), 1),
        ("superseded", AS_OF.isoformat(), 1),
    ]
    assert not shop.store.exists(half)
    for day in old:
        pages = keys.data_docs("shop", f"validations/shop/date={day}/")
        for prefix in (f"shop/raw/date={day}/", f"shop/validation/date={day}/", f"shop/rejected/date={day}/", pages):
            assert not list(shop.store.list(prefix)), prefix
    assert_whole(shop.store)
    assert shop.plan() == planned
    assert _retain_shop(shop).removed == ()


def test_a_check_that_was_done_again_leaves_the_older_results(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = shop.store.get(keys.validation_manifest("shop", AS_OF))
    older: Any = keys.validation_results("shop", AS_OF, _snapshot(shop), "0" * 16)
    shop.store.put(older, b"older")
    later(monkeypatch)
    assert [(one.kind, one.why) for one in _retain_shop(shop).removed] == [
        ("superseded", "an older check of a snapshot that was checked again since")
    ]
    assert not shop.store.exists(older)
    assert shop.store.get(keys.validation_manifest("shop", AS_OF)) == manifest
    assert_whole(shop.store)


def _customers(shop: Shop, day: date) -> str:
    manifest = read_manifest(shop.store, keys.raw_manifest("shop", day))
    assert manifest is not None
    return manifest.files["customers"].key


def _later_customers(shop: Shop, days: int) -> tuple[str, str]:
    """Have the source deliver other customers, read the last `days` again, and return the old and the new table."""
    old = _customers(shop, AS_OF)
    shop.store.put("landing/customers.csv", customers().assign(country="IT").to_csv(index=False).encode())
    shop.prepare([AS_OF - timedelta(days=back) for back in range(days)], refresh_raw=True)
    return old, _customers(shop, AS_OF)


def test_a_table_that_days_share_goes_with_the_last_of_them(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = _later_customers(shop, 3)
    assert old != new
    later(monkeypatch)
    asked, done = _retain_shop(shop, dry_run=True), _retain_shop(shop)
    assert asked.removed == done.removed
    # the newest days' former snapshots are made of the old table, too
    assert shop.store.exists(old) and shop.store.exists(new)
    for one in list(shop.store.list("shop/raw/date=")):
        if one.key.endswith("/manifest.json") and old.encode() in shop.store.get(one.key):
            shop.store.delete(one.key)
    gone_too = [one for one in _retain_shop(shop).removed if "customers.parquet" in one.name]
    assert [(one.kind, one.files) for one in gone_too] == [("superseded", 1)]
    assert not shop.store.exists(old) and shop.store.exists(new)
    assert _retain_shop(shop).removed == ()


def test_a_shared_table_stays_when_a_day_names_it_by_now(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch)
    shared = shop.store.get(_customers(shop, AS_OF))
    key = keys.undated_table("shop", "f" * 64, "customers")
    shop.store.put(key, shared)
    named = read_manifest(shop.store, keys.raw_manifest("shop", AS_OF))
    assert named is not None
    ref = named.files["customers"].model_copy(update={"key": key})
    planned = retention.make_plan

    def meanwhile(*arguments: Any) -> Any:
        plan = planned(*arguments)
        assert [one.name for one in plan.removals if one.undated] == [f"customers.parquet {'f' * 16}"]
        mark = keys.snapshot_manifest("shop", AS_OF, "f" * 16)
        write_manifest(shop.store, mark, named.model_copy(update={"files": {"customers": ref}}))
        return plan

    monkeypatch.setattr(retention, "make_plan", meanwhile)
    result = _retain_shop(shop)
    assert [one.left for one in result.removed if "customers.parquet" in one.name] == ["a day that stays shares it"]
    assert shop.store.get(key) == shared


def _snapshot(shop: Shop) -> str:
    manifest = read_manifest(shop.store, keys.raw_manifest("shop", AS_OF))
    assert manifest is not None
    return str(manifest.details["snapshot"])
