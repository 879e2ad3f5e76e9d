"""Check what is set aside, what is refused, and what is said about it."""

from __future__ import annotations

import json
from datetime import date

import pandas as pd
import pytest

from include.domain.errors import ObjectMissingError, PartitionRejectedError, ProjectCodeError
from include.domain.results import ValidateResult
from include.io import keys
from include.io.data_docs import read_index
from include.io.keys import REASONS_COLUMN, ROW_COLUMN
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, get_file, read_manifest
from include.io.tables import get_frame
from include.stages import ingest, validate
from include.stages.validate.quarantine import (
    KEYS_PRESENT,
    KEYS_UNIQUE,
    MAX_REJECTED,
    MIN_ROWS,
    OF_THE_DAY,
    TARGET_NUMERIC,
    Finding,
    likely_fix,
)
from tests.stages.shop import (
    DECLARATION,
    EXPECTATIONS,
    FEATURES,
    Shop,
    assert_nothing_half_written,
    contents,
    orders,
)

DAY = date(2024, 3, 7)
GOOD = orders(DAY)
NO_LOOKBACK = {**DECLARATION["window"], "lookback_days": 0}


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Return the shop without lookback: one day is checked."""
    return shop.declare(window=NO_LOOKBACK)


def check(shop: Shop, frame: pd.DataFrame | None = None, **changes: object) -> ValidateResult:
    if frame is not None:
        shop.deliver(DAY, frame)
    inputs = shop.inputs([DAY], **changes)
    ingest.run(shop.project, inputs)
    return validate.run(shop.project, inputs)


def refusal(shop: Shop, frame: pd.DataFrame) -> str:
    with pytest.raises(PartitionRejectedError) as caught:
        check(shop, frame)
    assert manifest(shop).status == "rejected"
    assert_nothing_half_written(shop.store, "shop/")
    return str(caught.value)


def manifest(shop: Shop, day: date = DAY) -> Manifest:
    found = read_manifest(shop.store, keys.validation_manifest("shop", day))
    assert found is not None
    return found


def test_a_good_day_passes_whole(shop: Shop) -> None:
    result = check(shop)
    assert (result.rows, result.quarantined) == (60, 0)
    assert (manifest(shop).status, set(manifest(shop).files)) == ("complete", {"results"})
    results = json.loads(get_file(shop.store, manifest(shop).files["results"]))
    assert len(results["expectations"]) == 8
    assert all(one["success"] for one in results["expectations"])


def test_bad_rows_are_set_aside_with_their_reasons(shop: Shop) -> None:
    frame = GOOD.copy()
    frame.loc[4, "amount"] = -5.0
    frame.loc[9, ["amount", "customer_id"]] = [-6.0, 999]
    result = check(shop, frame)
    assert (result.rows, result.quarantined) == (58, 2)
    rows = get_frame(shop.store, manifest(shop).files["rows"])
    assert rows[ROW_COLUMN].tolist() == [4, 9]
    assert rows["order_id"].tolist() == ["20240307-4", "20240307-9"]
    assert [sorted(reasons.split("; ")) for reasons in rows[REASONS_COLUMN]] == [
        ["expect_column_values_to_be_between(amount)"],
        ["expect_column_values_to_be_between(amount)", "expect_column_values_to_not_be_null(country)"],
    ]
    assert manifest(shop).files["rows"].key.startswith("shop/rejected/date=2024-03-07/snapshot=")


def test_too_many_bad_rows_refuse_the_day(shop: Shop) -> None:
    text = refusal(shop, GOOD.assign(amount=[-1.0] * 7 + [50.0] * 53))
    assert text.startswith(
        "shop/validate: 1 of 1 days were rejected; got: [2024-03-07] quality.max_rejected_fraction: "
    )
    assert "7 of 60 rows set aside (11.7%), allowed 10.0%" in text
    assert "expect_column_values_to_be_between(amount): 7 rows, for example -1.0" in text
    assert "list it in window.excluded; full results: file:///" in text


def test_a_table_level_failure_refuses_the_day(shop: Shop) -> None:
    text = refusal(shop, GOOD.assign(amount=GOOD["amount"] * 50))
    assert "expect_column_mean_to_be_between(amount): found " in text


def test_too_few_good_rows_refuse_the_day(shop: Shop) -> None:
    assert "quality.min_rows: 15 good rows, at least 20 needed" in refusal(shop, GOOD.head(15))


def test_an_expectation_that_cannot_be_evaluated_refuses_the_day(shop: Shop) -> None:
    text = refusal(shop, GOOD.assign(amount=GOOD["amount"].astype("str")))
    assert "expect_column_mean_to_be_between(amount): cannot be evaluated: " in text
    assert "expect_column_values_to_be_between(amount): cannot be evaluated: " in text


def test_a_missing_column_is_named_with_the_day_and_what_there_is(shop: Shop) -> None:
    text = refusal(shop, GOOD.drop(columns="refund"))
    assert "[2024-03-07] assemble: declared columns are missing: refund; the tables have " in text
    assert "orders.order_id, orders.customer_id, orders.amount, orders.return_reason" in text
    text = refusal(shop, GOOD.drop(columns="customer_id"))
    assert "assemble(tables) fails on this day's tables with KeyError: 'customer_id'" in text


def test_a_target_that_is_no_number_refuses_the_day(shop: Shop) -> None:
    text = refusal(shop, GOOD.assign(refund="none"))
    assert "target_is_numeric(refund): a number is needed to compare with 0, the column holds text: 'none'" in text


def test_rows_without_label_beyond_the_declared_share_refuse_the_day(shop: Shop) -> None:
    frame = GOOD.copy()
    frame.loc[:17, "refund"] = None
    assert "expect_column_values_to_not_be_null(refund): 18 rows, for example None" in refusal(shop, frame)


def test_copies_keep_one_row_and_rivals_none(shop: Shop) -> None:
    copy_of_first, rival = GOOD.iloc[[0]], GOOD.iloc[[1]].assign(amount=77.0)
    nameless = GOOD.iloc[[2]].assign(order_id=None)
    result = check(shop, pd.concat([GOOD, copy_of_first, rival, nameless], ignore_index=True))
    assert (result.rows, result.quarantined) == (59, 4)
    rows = get_frame(shop.store, manifest(shop).files["rows"])
    assert dict(zip(rows[ROW_COLUMN], rows[REASONS_COLUMN], strict=True)) == {
        1: "keys_are_unique(order_id)",
        60: "keys_are_unique(order_id)",
        61: "keys_are_unique(order_id)",
        62: "keys_are_present(order_id)",
    }


def test_duplicated_keys_beyond_the_tolerance_refuse_the_day(shop: Shop) -> None:
    text = refusal(shop, pd.concat([GOOD, GOOD.head(10)], ignore_index=True))
    assert "keys_are_unique(order_id): 10 rows, for example 20240307-0, 20240307-1, 20240307-2" in text


def test_personal_data_is_in_no_message_no_result_and_no_page(shop: Shop) -> None:
    customers = pd.read_csv(pd.io.common.BytesIO(shop.store.get("landing/customers.csv")))
    customers["email"] = "secret-person"
    shop.store.put("landing/customers.csv", customers.to_csv(index=False).encode())
    text = refusal(shop, GOOD)
    assert "expect_column_values_to_match_regex(email): 60 rows" in text
    assert "secret-person" not in text
    told = contents(shop.store, "shop/validation/")
    assert any("data_docs" in key for key in told)
    assert [key for key, data in told.items() if b"secret-person" in data] == []


def test_all_days_are_looked_at_before_any_is_refused(shop: Shop) -> None:
    days = [date(2024, 3, day) for day in (5, 6, 7, 8)]
    shop.deliver(days[0], orders(days[0]).assign(amount=-1.0))
    shop.deliver(days[2], orders(days[2]).head(12))
    ingest.run(shop.project, shop.inputs(days))
    with pytest.raises(PartitionRejectedError, match="2 of 4 days were rejected") as caught:
        validate.run(shop.project, shop.inputs(days))
    assert "[2024-03-05]" in str(caught.value)
    assert "[2024-03-07]" in str(caught.value)
    assert [manifest(shop, day).status for day in days] == ["rejected", "complete", "rejected", "complete"]


def test_equal_errors_of_many_days_are_one_line_that_names_the_likely_side(shop: Shop) -> None:
    shop.declare(window=NO_LOOKBACK, keys=["placed_on"])
    days = [date(2024, 3, day) for day in (5, 6, 7, 8)]
    ingest.run(shop.project, shop.inputs(days))
    with pytest.raises(PartitionRejectedError) as caught:
        validate.run(shop.project, shop.inputs(days))
    text = str(caught.value)
    assert "4 of 4 days were rejected; got: [4 days (2024-03-05 to 2024-03-08)] " in text
    assert text.count("keys_are_unique(placed_on)") == 1
    hint = text.rpartition("hint: ")[2]
    assert hint.startswith("look at keys: [placed_on] in project.yaml")
    assert "the source" not in hint


@pytest.mark.parametrize(
    ("found", "looked_at", "words"),
    [
        ({KEYS_UNIQUE: 60}, 1, "look at keys: [order_id] in project.yaml"),
        ({KEYS_UNIQUE: 2, MAX_REJECTED: 0}, 3, "have the source deliver the day again"),
        ({KEYS_PRESENT: 60}, 1, "have the source deliver the day again"),
        ({KEYS_PRESENT: 60, MAX_REJECTED: 0}, 2, "every day is like this: look at keys in project.yaml"),
        ({TARGET_NUMERIC: 0}, 2, "every day is like this: look at target in project.yaml"),
        ({OF_THE_DAY: 60}, 2, "every day is like this: look at source.date_column"),
        ({"expect_column_values_to_be_in_set": 60}, 2, "every day is like this: look at expectations.py"),
        ({"expect_column_values_to_be_in_set": 60}, 3, "have the source deliver the day again"),
        ({"assemble": 0}, 2, "every day is like this: look at the columns that project.yaml names"),
        ({MIN_ROWS: 0}, 2, "every day is like this: look at quality.min_rows"),
    ],
)
def test_a_hint_names_the_likely_side(shop: Shop, found: dict[str, int], looked_at: int, words: str) -> None:
    findings = [Finding(check=check, count=count, refuses=True) for check, count in found.items()]
    days = min(looked_at, 2)
    assert likely_fix(shop.project, [(60, findings)] * days, looked_at).startswith(words)


def test_a_check_that_can_never_be_evaluated_points_to_the_expectations(shop: Shop) -> None:
    found = Finding(check="expect_x", columns=("amont",), note="cannot be evaluated: KeyError", refuses=True)
    every_day = likely_fix(shop.project, [(60, [found])] * 2, 2)
    assert every_day.startswith("look at expect_x(amont) in expectations.py")
    # on the other days it could be evaluated
    assert likely_fix(shop.project, [(60, [found])], 5).startswith("have the source deliver the day again")


def test_days_looked_back_to_are_checked_too(shop: Shop) -> None:
    shop.declare(window={**NO_LOOKBACK, "lookback_days": 1})
    shop.deliver(date(2024, 3, 6), orders(date(2024, 3, 6)).assign(amount=-1.0))
    with pytest.raises(PartitionRejectedError, match=r"1 of 2 days were rejected; got: \[2024-03-06\]"):
        check(shop)


def test_a_second_run_writes_nothing(shop: Shop) -> None:
    first = check(shop, GOOD.assign(amount=[-1.0] * 3 + [50.0] * 57))
    before = contents(shop.store)
    assert check(shop) == first
    assert contents(shop.store) == before


def test_a_refused_day_is_refused_again_without_writing(shop: Shop) -> None:
    text = refusal(shop, GOOD.head(15))
    before = contents(shop.store)
    assert refusal(shop, GOOD.head(15)) == text
    assert contents(shop.store) == before


def test_a_forced_run_gives_the_same_bytes(shop: Shop) -> None:
    check(shop, GOOD.assign(amount=[-1.0] * 3 + [50.0] * 57))
    before = manifest(shop)
    check(shop, force=True)
    assert manifest(shop).files == before.files


@pytest.mark.parametrize("victim", ["/rejected/", "/data_docs/", "/validation/date=2024-03-07/manifest.json"])
def test_a_kill_at_any_write_heals(shop: Shop, victim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put = LocalStore.put

    def die(self: LocalStore, key: str, data: bytes, **conditions: object) -> object:
        if victim in f"/{key}":
            raise KeyboardInterrupt
        return put(self, key, data, **conditions)

    frame = GOOD.assign(amount=[-1.0] * 3 + [50.0] * 57)
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "put", die)
        with pytest.raises(KeyboardInterrupt):
            check(shop, frame)
    assert read_manifest(shop.store, keys.validation_manifest("shop", DAY)) is None
    assert check(shop).quarantined == 3
    assert_nothing_half_written(shop.store, "shop/")


def test_data_docs_list_every_checked_day_and_link_its_page(shop: Shop) -> None:
    days = [date(2024, 3, day) for day in (5, 6)]
    for day in days:
        inputs = shop.inputs([day])
        ingest.run(shop.project, inputs)
        uri = validate.run(shop.project, inputs).data_docs_uri
    refusal(shop, GOOD.head(15))
    assert uri == shop.store.uri("shop/validation/data_docs/index.html")
    lines = read_index(shop.store.get(keys.data_docs("shop")))
    assert [(line.day.day, line.status) for line in lines] == [(7, "rejected"), (6, "passed"), (5, "passed")]
    for line in lines:
        page = shop.store.get(keys.data_docs("shop", line.path)).decode()
        assert "Expectation Suite:" in page
        assert "unexpected Exception" not in page
    assert b"What is expected of shop" in shop.store.get(keys.data_docs("shop", "expectations/shop.html"))


def test_a_day_that_was_never_ingested_is_said_so(shop: Shop) -> None:
    with pytest.raises(ObjectMissingError, match="shop/validate: the day has no raw snapshot"):
        validate.run(shop.project, shop.inputs([DAY]))


@pytest.mark.parametrize(
    ("features", "expectations", "message"),
    [
        (
            FEATURES.replace("def assemble(tables):", "def assemble(tables):\n    1 / 0"),
            EXPECTATIONS,
            "ZeroDivisionError",
        ),
        (FEATURES.replace("def assemble(tables):", "def assemble(tables):\n    return 1"), EXPECTATIONS, "got: int"),
        (FEATURES.replace("def assemble", "def other"), EXPECTATIONS, "there are several tables and no assemble"),
        (FEATURES, "def build_suite():\n    return []\n", "must return Great Expectations objects; got: an empty list"),
        (FEATURES, "def build_suite():\n    return [3]\n", "must return Great Expectations objects; got: int"),
        (FEATURES, "def build_suite():\n    return missing\n", "build_suite() fails; got: NameError"),
    ],
)
def test_broken_project_code_is_not_blamed_on_the_data(
    shop: Shop, features: str, expectations: str, message: str
) -> None:
    shop.code(features, expectations)
    with pytest.raises(ProjectCodeError) as caught:
        check(shop)
    assert message in str(caught.value)
    assert read_manifest(shop.store, keys.validation_manifest("shop", DAY)) is None


def dated(shop: Shop) -> Shop:
    return shop.declare(window=NO_LOOKBACK, source={**DECLARATION["source"], "date_column": "placed_on"})


def test_rows_of_another_day_are_set_aside_and_shown(shop: Shop) -> None:
    frame = GOOD.copy()
    frame.loc[[3, 5], "placed_on"] = ["2024-03-06", None]
    assert check(shop, frame).quarantined == 0
    assert check(dated(shop)).quarantined == 2
    (found,) = manifest(shop).details["findings"]
    assert (found["check"], found["columns"], found["count"]) == ("rows_are_of_the_day", ["placed_on"], 2)
    assert found["examples"][0] == "2024-03-06"


def test_a_day_of_rows_of_another_day_is_refused(shop: Shop) -> None:
    text = refusal(dated(shop), GOOD.assign(placed_on="2024-03-06"))
    assert "rows_are_of_the_day(placed_on): 60 rows, for example 2024-03-06" in text
    assert "placed_on" in refusal(shop, GOOD.drop(columns="placed_on"))


@pytest.mark.parametrize(
    "values",
    [
        "2024-03-07T23:59:59+00:00",
        "2024-03-08T00:30:00+01:00",
        20240307,
        date(2024, 3, 7),
        pd.Timestamp("2024-03-07 12:00"),
        pd.Timestamp("2024-03-07 12:00", tz="Asia/Tokyo"),
    ],
)
def test_a_day_is_read_however_it_is_written(shop: Shop, values: object) -> None:
    assert check(dated(shop), GOOD.assign(placed_on=[values] * len(GOOD))).quarantined == 0


def test_declaring_the_date_reads_no_history_again(shop: Shop) -> None:
    check(shop)
    shop.store.delete(f"landing/orders/{DAY}.parquet")
    assert check(dated(shop)).quarantined == 0
