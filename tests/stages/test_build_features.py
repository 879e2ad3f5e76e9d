"""Check that features are what was declared, from what was known, and that a leak fails."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from include.domain.errors import PartitionRejectedError, ProjectCodeError
from include.io import keys
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, read_manifest
from include.io.tables import get_frame
from include.stages import build_features, ingest, validate
from tests.stages.shop import DECLARATION, FEATURES, Shop, assert_nothing_half_written, contents, orders

DAY = date(2024, 3, 7)
BODY = FEATURES.split("def build_features(raw, history):\n")
FRAME = "    return " + BODY[1].split("    return ")[1]


def manifest(shop: Shop, day: date = DAY) -> Manifest:
    found = read_manifest(shop.store, keys.features_manifest("shop", day))
    assert found is not None
    return found


def rows(shop: Shop, day: date = DAY) -> pd.DataFrame:
    return get_frame(shop.store, manifest(shop, day).files["rows"])


def with_body(shop: Shop, body: str) -> Shop:
    return shop.code(f"{BODY[0]}def build_features(raw, history):\n{body}")


def failure(shop: Shop) -> str:
    with pytest.raises(ProjectCodeError) as caught:
        shop.prepare([DAY])
    assert read_manifest(shop.store, keys.features_manifest("shop", DAY)) is None
    return str(caught.value)


def test_rows_hold_keys_target_features_and_protected_columns(shop: Shop) -> None:
    result = shop.prepare([DAY])
    assert (result.rows, result.unlabelled, result.written) == (58, 2, 1)
    frame = rows(shop)
    assert list(frame.columns) == ["order_id", "sent_back", "amount", "refunds_before", "country", "age_group"]
    assert {name: str(kind) for name, kind in frame.dtypes.items() if name != "age_group"} == {
        "order_id": "str",
        "sent_back": "Int8",
        "amount": "float64",
        "refunds_before": "float64",
        "country": "str",
    }


def test_the_target_is_the_declared_rule(shop: Shop) -> None:
    shop.prepare([DAY])
    given, found = orders(DAY), rows(shop)
    expected = given.dropna(subset="refund").set_index("order_id")["refund"].gt(0).astype("int8")
    assert found.dropna(subset="sent_back").set_index("order_id")["sent_back"].to_dict() == expected.to_dict()


def test_a_row_whose_label_is_not_known_is_kept_without_one(shop: Shop) -> None:
    shop.prepare([DAY])
    found = rows(shop)
    assert found["order_id"].tolist() == orders(DAY)["order_id"].tolist()
    assert found.loc[found["sent_back"].isna(), "order_id"].tolist() == ["20240307-0", "20240307-1"]
    assert found[["amount", "country"]].notna().all().all()


def test_a_target_may_be_a_value(shop: Shop) -> None:
    frame = orders(DAY)
    frame["back"] = ["yes", "no", None] * 20
    for day in (5, 6, 7):
        shop.deliver(date(2024, 3, day), frame)
    shop.declare(target={"name": "sent_back", "column": "back", "equals": "yes"})
    assert shop.prepare([DAY]).unlabelled == 20
    assert rows(shop)["sent_back"].sum() == 20


def test_rows_set_aside_are_in_no_feature(shop: Shop) -> None:
    frame = orders(DAY)
    frame.loc[[5, 6], "amount"] = -1.0
    shop.deliver(DAY, frame)
    shop.prepare([DAY])
    assert not {"20240307-5", "20240307-6"} & set(rows(shop)["order_id"])
    assert rows(shop)["amount"].min() >= 0


def test_history_holds_only_the_earlier_days_good_rows(shop: Shop) -> None:
    frame = orders(date(2024, 3, 6))
    frame.loc[[5, 6], "amount"] = -1.0
    shop.deliver(date(2024, 3, 6), frame)
    check = (
        "    assert sorted(set(history['placed_on'])) == ['2024-03-05', '2024-03-06'], set(history['placed_on'])\n"
        "    assert set(raw['placed_on']) == {'2024-03-07'} and len(history) == 118 and len(raw) == 60\n"
        "    assert {'refund', 'return_reason'} <= set(history.columns)\n"
        "    assert not {'refund', 'return_reason'} & set(raw.columns)\n"
    )
    with_body(shop, check + FRAME)
    assert shop.prepare([DAY]).written == 1


def test_history_does_not_show_labels_that_were_not_known_yet(shop: Shop) -> None:
    shop.declare(window={**DECLARATION["window"], "label_delay_days": 2})
    check = (
        "    for column in ('refund', 'return_reason'):\n"
        "        known = history[history[column].notna()]\n"
        "        assert set(known['placed_on']) == {'2024-03-05'}, (column, set(known['placed_on']))\n"
    )
    with_body(shop, check + FRAME)
    assert shop.prepare([DAY]).written == 1


def test_without_lookback_there_is_no_history(shop: Shop) -> None:
    shop.declare(window={**DECLARATION["window"], "lookback_days": 0})
    with_body(
        shop, "    assert history is None\n" + FRAME.replace("history", "raw").replace('["refund"]', '["amount"]')
    )
    assert shop.prepare([DAY]).written == 1


@pytest.mark.parametrize("column", ["refund", "return_reason"])
def test_a_leak_fails_with_its_name(shop: Shop, column: str) -> None:
    with_body(shop, FRAME.replace('raw["amount"]', f'raw["{column}"]'))
    text = failure(shop)
    assert text.startswith(
        "shop/features.py:10 on 2024-03-07: build_features asks for a column that is not known at prediction time: "
        f"a leak; got: {column}; allowed: "
    )
    assert "use `history` for what happened on earlier days" in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (FRAME.replace('"amount":', '"price":'), "missing: ['amount']; not declared: ['price']"),
        (FRAME.replace('raw["amount"].astype("float64")', 'raw["amount"].astype("float32")'), "got: float32; allowed"),
        (FRAME.replace('raw["amount"]', '(raw["amount"] / 0)'), "'amount' is infinite; got: 60 of 60 rows"),
        (
            FRAME.replace('raw["amount"]', '(-1e39 * (raw["amount"] == raw["amount"].max()))'),
            "and no model can take it; got: 1 of 60 rows, the largest 1e+39",
        ),
        (FRAME.replace('raw["country"].astype("str")', 'raw["amount"]'), "'country' has the wrong type; got: float64"),
        (
            FRAME.replace('raw["country"]', "pd.Series([1] * len(raw), dtype=object)").replace('.astype("str")', ""),
            "int",
        ),
        ("    return build(raw)\n", "build_features fails; got: NameError"),
        ("    return None\n", "must return a DataFrame; got: NoneType"),
        (FRAME.rstrip() + ".head(10)\n", "one row for each row of `raw`, indexed like it; got: 10 rows for 60"),
        ("    raw['amount'] = 0.0\n" + FRAME, "build_features changes `raw`"),
        ("    del history['country']\n" + FRAME, "build_features changes `history`"),
    ],
)
def test_a_broken_contract_is_told(shop: Shop, body: str, message: str) -> None:
    with_body(shop, body)
    assert message in failure(shop)


def test_a_missing_category_is_kept_missing(shop: Shop) -> None:
    with_body(shop, FRAME.replace('raw["country"]', 'raw["country"].where(raw["country"] != "DE")'))
    shop.prepare([DAY])
    assert rows(shop)["country"].isna().any()
    assert str(rows(shop)["country"].dtype) == "str"


def test_a_day_that_is_not_validated_gives_no_features(shop: Shop) -> None:
    inputs = shop.inputs([DAY])
    ingest.run(shop.project, inputs)
    with pytest.raises(PartitionRejectedError, match="on 2024-03-05: the day was never validated"):
        build_features.run(shop.project, inputs)
    validate.run(shop.project, inputs)
    shop.code(FEATURES + "\nFIXED = 1\n")
    with pytest.raises(PartitionRejectedError, match="is not validated as data and code are now"):
        build_features.run(shop.project, inputs)


def test_a_rejected_day_gives_no_features(shop: Shop) -> None:
    shop.deliver(DAY, orders(DAY).head(12))
    inputs = shop.inputs([DAY])
    ingest.run(shop.project, inputs)
    with pytest.raises(PartitionRejectedError):
        validate.run(shop.project, inputs)
    with pytest.raises(PartitionRejectedError, match="on 2024-03-07: the day was rejected by validation"):
        build_features.run(shop.project, inputs)


def test_the_manifest_names_what_the_rows_were_made_from(shop: Shop) -> None:
    shop.prepare([DAY])
    details = manifest(shop).details
    assert sorted(details["raw"]) == ["2024-03-05", "2024-03-06", "2024-03-07"]
    validated = read_manifest(shop.store, keys.validation_manifest("shop", DAY))
    assert validated is not None
    assert details["validation"] == validated.fingerprint
    assert (details["rows"], details["unlabelled"]) == (58, 2)
    assert manifest(shop).files["rows"].rows == 60


def test_a_second_run_writes_nothing(shop: Shop) -> None:
    first = shop.prepare([DAY])
    before = contents(shop.store)
    again = shop.prepare([DAY])
    assert (again.rows, again.unlabelled, again.written) == (first.rows, first.unlabelled, 0)
    assert contents(shop.store) == before


def test_a_forced_run_gives_the_same_bytes(shop: Shop) -> None:
    shop.prepare([DAY])
    before = manifest(shop)
    assert shop.prepare([DAY], force=True).written == 1
    assert (manifest(shop).files, manifest(shop).fingerprint) == (before.files, before.fingerprint)


def test_a_kill_before_the_manifest_heals(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    put = LocalStore.put

    def die_at_the_manifest(self: LocalStore, key: str, data: bytes, **conditions: object) -> object:
        if key == keys.features_manifest("shop", DAY):
            raise KeyboardInterrupt
        return put(self, key, data, **conditions)

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "put", die_at_the_manifest)
        with pytest.raises(KeyboardInterrupt):
            shop.prepare([DAY])
    assert shop.prepare([DAY]).written == 1
    assert_nothing_half_written(shop.store, "shop/")


def test_days_prepared_one_by_one_or_together_are_the_same(shop: Shop) -> None:
    days = [date(2024, 3, day) for day in (5, 6, 7)]
    shop.prepare(days)
    together = {day: manifest(shop, day).files for day in days}
    for day in days:
        shop.prepare([day], force=True)
    assert {day: manifest(shop, day).files for day in days} == together


def test_whole_numbers_that_became_floats_are_no_categories(shop: Shop) -> None:
    frame = orders(DAY).assign(shelf=[None, *[1.0, 2.0, 7.0] * 19, 1.0, 2.0])
    shop.deliver(DAY, frame)
    with_body(shop, FRAME.replace('raw["country"]', 'raw["shelf"]'))
    assert "'country' is made of whole numbers as floats" in failure(shop)
    with_body(shop, FRAME.replace('raw["country"]', 'raw["shelf"].astype("Int64")'))
    shop.prepare([DAY])
    assert sorted(rows(shop)["country"].dropna().unique()) == ["1", "2", "7"]
