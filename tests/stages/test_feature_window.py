"""Check that a window of features is read whole, in order and unchanged."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pandas as pd
import pytest

from include.config.settings import ROOT
from include.domain.errors import ChecksumMismatchError, ObjectMissingError
from include.io import keys
from include.io.feature_rows import read_day, read_rows, read_window
from include.io.manifests import read_manifest
from tests.stages.shop import DECLARATION, EXPECTATIONS, FEATURES, Shop, orders

DAYS = [date(2024, 3, day) for day in (5, 6, 7)]


def test_a_window_holds_all_days_in_order(shop: Shop) -> None:
    shop.prepare(DAYS)
    window = read_window(shop.store, shop.project, [DAYS[2], DAYS[0], DAYS[1]])
    assert window.frame["day"].drop_duplicates().tolist() == ["2024-03-05", "2024-03-06", "2024-03-07"]
    assert list(window.frame.columns)[:3] == ["day", "order_id", "sent_back"]
    assert len(window.frame) == 3 * 58
    assert str(window.frame["sent_back"].dtype) == "int8"
    assert window.frame.index.equals(pd.RangeIndex(3 * 58))
    assert [day.rows for day in window.data] == [58, 58, 58]


def test_the_rows_of_a_window_are_read_again_after_its_days_were_prepared_anew(shop: Shop) -> None:
    shop.prepare(DAYS)
    window = read_window(shop.store, shop.project, DAYS)
    shop.code(features=FEATURES.replace('raw["amount"]', '2 * raw["amount"]'))
    shop.prepare(DAYS)
    assert not read_window(shop.store, shop.project, DAYS).frame.equals(window.frame)
    pd.testing.assert_frame_equal(read_rows(shop.store, shop.project, window.data), window.frame)
    shop.store.delete(window.data[1].key)
    with pytest.raises(ObjectMissingError):
        read_rows(shop.store, shop.project, window.data)


def test_a_day_without_any_label_adds_no_row_to_a_window(shop: Shop) -> None:
    shop.code(expectations=EXPECTATIONS.replace('column="refund"', 'column="amount"'))
    shop.deliver(DAYS[2], orders(DAYS[2]).assign(refund=float("nan")))
    assert shop.prepare(DAYS[:2]).unlabelled == 2 + 2
    # read before its labels are due: later, such a day is refused
    assert shop.prepare(DAYS[2:], as_of=DAYS[2]).unlabelled == 60
    window = read_window(shop.store, shop.project, DAYS)
    assert window.frame["day"].value_counts().to_dict() == {"2024-03-05": 58, "2024-03-06": 58}
    assert [day.rows for day in window.data] == [58, 58, 0]
    assert str(window.frame["sent_back"].dtype) == "int8"


def test_one_day_is_read_with_all_its_rows(shop: Shop) -> None:
    shop.declare(keys=["day", "order_id"])
    for day in range(3, 8):
        moment = date(2024, 3, day)
        shop.deliver(moment, orders(moment).assign(day=day))
    shop.prepare(DAYS)
    frame = read_day(shop.store, shop.project, DAYS[1])
    assert frame["order_id"].tolist() == orders(DAYS[1])["order_id"].tolist()
    assert set(frame["day"]) == {6}
    assert (str(frame["sent_back"].dtype), int(frame["sent_back"].isna().sum())) == ("Int8", 2)
    with pytest.raises(ObjectMissingError, match="days have no features; got: 1 of 1 days: 2024-03-09"):
        read_day(shop.store, shop.project, date(2024, 3, 9))


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
    stages = "plan, ingest, build_features, train, evaluate, promote, score"
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
