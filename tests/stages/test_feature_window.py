"""Check that a window of features is read whole, in order and unchanged."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from include.config.errors import ChecksumMismatchError, ObjectMissingError
from include.config.settings import ROOT
from include.io import keys
from include.io.manifests import read_manifest
from include.stages.feature_window import read_window
from tests.stages.shop import DECLARATION, Shop, orders

DAYS = [date(2024, 3, day) for day in (5, 6, 7)]


def test_a_window_holds_all_days_in_order(shop: Shop) -> None:
    shop.prepare(DAYS)
    window = read_window(shop.store, shop.project, [DAYS[2], DAYS[0], DAYS[1]])
    assert window.frame["day"].drop_duplicates().tolist() == ["2024-03-05", "2024-03-06", "2024-03-07"]
    assert list(window.frame.columns)[:3] == ["day", "order_id", "sent_back"]
    assert len(window.frame) == 3 * 58
    assert str(window.frame["sent_back"].dtype) == "int8"


def test_the_fingerprint_tells_days_and_bytes_apart(shop: Shop) -> None:
    shop.prepare(DAYS)
    whole = read_window(shop.store, shop.project, DAYS).fingerprint
    assert read_window(shop.store, shop.project, DAYS[::-1]).fingerprint == whole
    assert read_window(shop.store, shop.project, DAYS[:2]).fingerprint != whole
    shop.declare(target={**DECLARATION["target"], "greater_than": 1000})
    shop.prepare(DAYS)
    assert read_window(shop.store, shop.project, DAYS).fingerprint != whole


def test_a_column_called_day_gives_way_to_the_partition(shop: Shop) -> None:
    for day in range(3, 8):
        moment = date(2024, 3, day)
        shop.deliver(moment, orders(moment).assign(day=day))
    shop.declare(keys=["day", "order_id"])
    shop.prepare(DAYS)
    assert set(read_window(shop.store, shop.project, DAYS).frame["day"]) == {day.isoformat() for day in DAYS}


def test_a_day_without_features_is_named(shop: Shop) -> None:
    shop.prepare(DAYS[:2])
    with pytest.raises(ObjectMissingError, match="days have no features; got: 1 of 3 days: 2024-03-07"):
        read_window(shop.store, shop.project, DAYS)


def test_only_validation_pays_for_great_expectations() -> None:
    stages = "plan, ingest, build_features, feature_window"
    code = f"import sys; from include.stages import {stages}; print('great_expectations' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == "False"


def test_changed_bytes_are_refused(shop: Shop) -> None:
    shop.prepare(DAYS)
    manifest = read_manifest(shop.store, keys.features_manifest("shop", DAYS[1]))
    assert manifest is not None
    shop.store.put(manifest.files["rows"].key, b"something else")
    with pytest.raises(ChecksumMismatchError, match="the bytes are not those the manifest names"):
        read_window(shop.store, shop.project, DAYS)
