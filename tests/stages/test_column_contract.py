"""A used column means the same on every day, and a target's rule can tell what its column holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from include.domain.errors import PartitionRejectedError
from include.io import keys
from include.io.manifests import read_manifest
from include.stages import ingest, validate
from include.stages.validate.column_contract import Facts, differences, refuse_window, target_findings, used_columns
from tests.stages.shop import AS_OF, Shop, orders

DAYS = tuple(AS_OF - back * timedelta(days=1) for back in (6, 5, 4, 3, 2))
ODD = DAYS[2]


def declared(shop: Shop, **target: Any) -> Shop:
    return shop.declare(
        target={"name": "sent_back", "column": "returned", **target},
        window={"label_delay_days": 1, "days": 6, "holdout_days": 2},
        unknown_at_prediction=["refund"],
    ).code(
        "import pandas as pd\n"
        "def assemble(tables):\n"
        "    return tables['orders'].merge(tables['customers'], on='customer_id', how='left')\n"
        "def build_features(raw, history):\n"
        "    numbers = {'amount': raw['amount'].astype('float64'), 'refunds_before': raw['size'].astype('float64')}\n"
        "    return pd.DataFrame({**numbers, 'country': raw['country'].astype('str')}, index=raw.index)\n"
    )


def deliver(shop: Shop, odd: Callable[[pd.DataFrame], pd.DataFrame], yes: Any = "Yes", no: Any = "No") -> None:
    for day in DAYS:
        frame = orders(day).assign(size=range(60), comment="fine")
        frame["returned"] = frame["refund"].gt(0).map({True: yes, False: no})
        shop.deliver(day, odd(frame) if day == ODD else frame)


def refusal(shop: Shop) -> str:
    inputs = shop.inputs(DAYS)
    ingest.run(shop.project, inputs)
    with pytest.raises(PartitionRejectedError) as caught:
        validate.run(shop.project, inputs)
    return str(caught.value)


def status(shop: Shop, day: date) -> str:
    manifest = read_manifest(shop.store, keys.validation_manifest("shop", day))
    assert manifest is not None
    return manifest.status


@pytest.mark.parametrize(
    ("equals", "values", "told"),
    [
        (1, ["0", "1"], ["1 (a number)", "text: '0', '1'", "quotes"]),
        ("1", [0, 1], ["'1' (text)", "integer: 0, 1", "without quotes"]),
        ("Yes", [True, False], ["'Yes' (text)", "boolean"]),
        (True, ["Yes", "No"], ["True (a truth value)", "text: 'No', 'Yes'", "YAML"]),
        (True, [1, 2], ["True", "integer: 1, 2"]),
        (2, [True, False], ["2 (a number)", "boolean"]),
        (1, pd.to_datetime(["2024-03-01", "2024-03-02"]), ["timestamp"]),
        ("Yes", ["YES", "NO"], ["'YES'", "'Yes'"]),
        ("Yes", ["Yes", "yes ", "No"], ["'yes '"]),
        ("Yes", ["Yes\n", "No"], ["'Yes\\n'"]),
        ("1", ["1", "1.0", "0"], ["'1.0'"]),
        ("Yes", ["\uff39es", "No"], ["'\uff39es'"]),
    ],
)
def test_a_rule_that_cannot_tell_a_column_refuses_the_day(
    shop: Shop, equals: Any, values: Any, told: list[str]
) -> None:
    found = target_findings(declared(shop, equals=equals).project, pd.DataFrame({"returned": values}))
    assert [finding.refuses for finding in found] == [True]
    assert [part for part in told if part not in str(found[0])] == []


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ({"equals": 1}, [0, 1, None]),
        ({"equals": 1}, [0.0, 1.0, None]),
        ({"equals": 1}, [True, False]),
        ({"equals": True}, [True, False]),
        ({"equals": True}, [0, 1]),
        ({"equals": "Yes"}, ["Yes", "No", None]),
        ({"equals": "Yes"}, ["No", "No"]),
        ({"equals": "Yes"}, [None, None]),
        ({"equals": "Yes", "others": ["No", "Maybe"]}, ["Yes", "Maybe"]),
        ({"greater_than": 0}, [True, False]),
        ({"greater_than": 0.5}, [1, 2]),
    ],
)
def test_a_rule_that_can_is_taken(shop: Shop, target: dict[str, Any], values: list[Any]) -> None:
    assert target_findings(declared(shop, **target).project, pd.DataFrame({"returned": values})) == []


def test_a_value_that_is_not_declared_refuses_the_day(shop: Shop) -> None:
    project = declared(shop, equals="Yes", others=["No"]).project
    (finding,) = target_findings(project, pd.DataFrame({"returned": ["Yes", "Nope"]}))
    assert "'Nope'" in str(finding)
    assert finding.refuses


def test_personal_values_are_not_shown(shop: Shop) -> None:
    project = declared(shop, equals=1).project.model_copy(update={"pii": ("returned",)})
    (finding,) = target_findings(project, pd.DataFrame({"returned": ["secret"]}))
    assert "secret" not in str(finding)


def text(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**{column: frame[column].astype("str")})


def test_a_used_column_of_another_type_refuses_its_day_alone(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), text("size"))
    told = refusal(shop)
    assert "1 of 5 days" in told
    assert f"columns_are_as_on_other_days(size): text on {ODD}; number on " in told
    assert [day for day in DAYS if status(shop, day) == "rejected"] == [ODD]


def test_a_column_that_nothing_uses_may_change(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), lambda frame: frame.assign(comment=1))
    assert shop.prepare(DAYS).days == DAYS


@pytest.mark.parametrize("values", [("Y", "N"), ("YES", "NO"), ("No", "NO"), ("Yes", "Maybe")])
def test_a_value_that_the_other_days_do_not_know_refuses_its_day(shop: Shop, values: tuple[str, str]) -> None:
    deliver(
        declared(shop, equals="Yes"),
        lambda frame: frame.assign(returned=[values[row % 2] for row in range(len(frame))]),
    )
    told = refusal(shop)
    assert f"[{ODD}] target_values_are_known(returned)" in told
    assert repr(values[1]) in told


def test_a_day_without_a_positive_is_a_day(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), lambda frame: frame.assign(returned="No"))
    assert shop.prepare(DAYS).days == DAYS


def test_a_day_without_any_label_is_refused_once_its_labels_must_be_known(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), lambda frame: frame.assign(returned=None))
    told = refusal(shop)
    assert f"[{ODD}] target_is_known(returned)" in told
    assert "label_delay_days" in told


def test_a_day_without_any_label_yet_passes(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), lambda frame: frame.assign(returned=None))
    assert shop.prepare([ODD], as_of=ODD).unlabelled == 60


def test_a_refused_day_stands_again_when_its_source_is_repaired(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), text("size"))
    refusal(shop)
    deliver(shop, lambda frame: frame)
    assert shop.prepare(DAYS).days == DAYS
    assert {status(shop, day) for day in DAYS} == {"complete"}


def test_a_day_prepared_alone_is_held_to_the_days_before_it(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), lambda frame: frame)
    shop.prepare(DAYS[:-1])
    shop.deliver(DAYS[-1], text("size")(orders(DAYS[-1]).assign(size=range(60), returned="No")))
    with pytest.raises(PartitionRejectedError, match=f"text on {DAYS[-1]}"):
        shop.prepare(DAYS[-1:])


def test_a_day_long_after_its_window_is_held_to_it(shop: Shop) -> None:
    later = DAYS[-1] + timedelta(days=30)
    declared(shop, equals="Yes").declare(
        target={"name": "sent_back", "column": "returned", "equals": "Yes"},
        window={"label_delay_days": 30, "days": 6, "holdout_days": 2},
        unknown_at_prediction=["refund"],
    )
    deliver(shop, lambda frame: frame)
    shop.prepare(DAYS, as_of=later)
    shop.deliver(later, text("size")(orders(later).assign(size=range(60), returned=None)))
    with pytest.raises(PartitionRejectedError, match=rf"text on {later}.*declare types: for the column's table"):
        shop.prepare([later], as_of=later)


def test_a_moment_with_a_zone_is_another_type_than_one_without(shop: Shop) -> None:
    moments = pd.date_range("2024-03-01", periods=60, freq="min")
    deliver(declared(shop, equals="Yes"), lambda frame: frame)
    for day in DAYS:
        zoned = moments.tz_localize("Europe/Berlin") if day == ODD else moments
        shop.deliver(day, orders(day).assign(size=zoned, returned="No"))
    assert f"size): timestamp with zone on {ODD}; timestamp on " in refusal(shop)


def test_the_whole_window_is_held_to_it_whichever_day_came_first(shop: Shop) -> None:
    deliver(declared(shop, equals="Yes"), text("size"))
    for day in (ODD, DAYS[0]):
        shop.prepare([day], as_of=day + timedelta(days=1))
    with pytest.raises(PartitionRejectedError, match=f"size.*text on {ODD}"):
        refuse_window(shop.project, shop.store, [DAYS[0], ODD])


def kinds(**by_day: str) -> dict[date, Facts]:
    return {DAYS[int(name[1:])]: Facts({"store": kind}, None, 1) for name, kind in by_day.items()}


@pytest.mark.parametrize(
    ("categorical", "days", "refused"),
    [
        (["store"], kinds(d0="integer", d1="integer", d2="number"), [2]),
        (["country"], kinds(d0="integer", d1="integer", d2="number"), []),
        (["country"], kinds(d0="integer", d1="number", d2="text"), [2]),
        (["store"], kinds(d0="integer", d1="empty", d2="integer"), []),
        (["store"], kinds(d0="integer", d1="text"), []),
    ],
    ids=["a code with decimals", "an amount with decimals", "text among numbers", "no value", "one against one"],
)
def test_most_days_say_what_a_column_is(
    shop: Shop, categorical: list[str], days: dict[date, Facts], refused: list[int]
) -> None:
    shop.declare(features={"numeric": ["amount"], "categorical": categorical})
    assert list(differences(shop.project, days, list(days))) == [DAYS[number] for number in refused]


def test_columns_are_used_by_their_names(shop: Shop) -> None:
    columns = ["order_id", "refund", "age_group", "amount", "placed_on", "customer_id", "comment"]
    assert used_columns(shop.project, columns) == ("order_id", "refund", "age_group", "amount", "customer_id")
    shop.code("def build_features(raw, history):\n    return raw.placed_on\n")
    assert "placed_on" in used_columns(shop.project, columns)
    shop.code("def build_features(raw, history):\n    return raw[f'com{1}']\n")
    assert used_columns(shop.project, columns) == tuple(columns)


@pytest.mark.parametrize(
    "asks",
    ["raw['com' + raw.name]", "raw['%s_on' % name]", "raw['{}_on'.format(name)]", "raw.isna().sum(axis=1)"],
)
def test_code_that_names_no_column_uses_all(shop: Shop, asks: str) -> None:
    columns = ["order_id", "refund", "amount", "comment"]
    shop.code(f"def build_features(raw, history):\n    return {asks}\n")
    assert used_columns(shop.project, columns) == tuple(columns)


@pytest.mark.parametrize(
    "asks", ["raw['amount'] + raw['refund']", "raw['amount'].astype('str') + '_'", "raw[['amount']]"]
)
def test_code_that_names_its_columns_uses_those(shop: Shop, asks: str) -> None:
    shop.code(f"def build_features(raw, history):\n    return {asks}\n")
    assert "comment" not in used_columns(shop.project, ["order_id", "refund", "amount", "comment"])
