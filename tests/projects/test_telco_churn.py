"""Check what is particular to customers: the empty first bill, protected groups, which rows are bad."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from include.config.project_code import load_module
from include.demo_feed.telco import CYCLE_DAYS
from include.io.expectations import SuiteReport, SuiteRunner
from tests.projects.delivered import DAY, Delivered


@pytest.fixture(scope="module")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    found = Delivered.into(tmp_path_factory.mktemp("customers"), "telco_churn")
    return found.load(DAY, DAY + timedelta(days=CYCLE_DAYS - 1))


@pytest.fixture(scope="module")
def cycle(customers: Delivered) -> pd.DataFrame:
    """Return the customers of a whole window."""
    return pd.concat([customers.frame(DAY + timedelta(days=n)) for n in range(CYCLE_DAYS)], ignore_index=True)


def checked(customers: Delivered, frame: pd.DataFrame) -> SuiteReport:
    return SuiteRunner("telco_churn", load_module(customers.project, "expectations").build_suite()).run(frame)


def test_the_window_is_the_cycle(customers: Delivered, cycle: pd.DataFrame) -> None:
    assert customers.project.window.days == CYCLE_DAYS
    assert len(cycle) == cycle["customer_id"].nunique() == 7043
    assert (cycle["churn"] == "Yes").sum() == 1869


def test_every_day_of_the_cycle_passes(customers: Delivered, cycle: pd.DataFrame) -> None:
    suite = SuiteRunner("telco_churn", load_module(customers.project, "expectations").build_suite())
    # the days with the fewest and most customers, and those with a customer who has had no bill
    sizes = cycle.groupby("snapshot_date").size()
    odd = {sizes.idxmin(), sizes.idxmax(), *cycle.loc[cycle["tenure"] == 0, "snapshot_date"]}
    assert (sizes.min(), sizes.max()) == (91, 149)
    for day in sorted(odd):
        frame = cycle[cycle["snapshot_date"] == day].reset_index(drop=True)
        assert [check.label for check in suite.run(frame).checks if not check.success] == [], day


def test_no_bill_yet_is_a_total_of_nothing(customers: Delivered, cycle: pd.DataFrame) -> None:
    new = cycle["tenure"] == 0
    assert new.sum() == 11
    assert cycle.loc[new, "total_charges"].isna().all()
    features = load_module(customers.project, "features").build_features(cycle.drop(columns="churn"), None)
    assert features.loc[new, "total_charges"].tolist() == [0.0] * 11
    assert features.notna().all().all()


def test_protected_groups_are_no_features(customers: Delivered) -> None:
    assert customers.project.protected == ("female", "senior_citizen")
    module, raw = load_module(customers.project, "features"), customers.known()
    flipped = raw.assign(female=1 - raw["female"], senior_citizen=1 - raw["senior_citizen"])
    pd.testing.assert_frame_equal(module.build_features(flipped, None), module.build_features(raw, None))


def test_services_are_counted(customers: Delivered) -> None:
    module = load_module(customers.project, "features")
    extras = [
        "online_security",
        "online_backup",
        "device_protection",
        "tech_support",
        "streaming_tv",
        "streaming_movies",
    ]
    raw = customers.known().head(2)
    everything = raw.assign(phone_service=1, internet_service="DSL", **dict.fromkeys(extras, "Yes"))
    nothing = raw.assign(phone_service=0, internet_service="No", **dict.fromkeys(extras, "No internet service"))
    assert module.build_features(everything, None)["services"].tolist() == [8.0, 8.0]
    assert module.build_features(nothing, None)["services"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("churn", "Maybe", "expect_column_values_to_be_in_set(churn)"),
        ("female", 7, "expect_column_values_to_be_in_set(female)"),
        ("contract", None, "expect_column_values_to_not_be_null(contract)"),
        ("customer_id", "203", "expect_column_values_to_match_regex(customer_id)"),
        ("tenure", -1, "expect_column_values_to_be_between(tenure)"),
        ("monthly_charges", 100000.0, "expect_column_values_to_be_between(monthly_charges)"),
        ("total_charges", np.nan, "expect_column_values_to_not_be_null(total_charges)"),
    ],
)
def test_a_bad_customer_is_set_aside(customers: Delivered, column: str, value: object, check: str) -> None:
    frame = customers.frame().assign(tenure=lambda rows: rows["tenure"].clip(lower=1))
    report = checked(customers, frame.assign(**{column: frame[column].mask(frame.index == 0, value)}))
    failing = {each.label: each.rows for each in report.checks if not each.success}
    assert failing[check] == (0,)


def test_a_day_on_which_everyone_stays_is_rejected(customers: Delivered) -> None:
    report = checked(customers, customers.frame().assign(churn="No"))
    failing = {each.label: each.rows for each in report.checks if not each.success}
    assert failing == {"expect_column_distinct_values_to_equal_set(churn)": None}


def test_a_blank_text_total_is_rejected(customers: Delivered) -> None:
    # the well-known file has " " where nothing was billed: the column is then text
    frame = customers.frame()
    text = frame.assign(total_charges=frame["total_charges"].astype("str").mask(frame.index == 0, " "))
    failing = {each.label for each in checked(customers, text).checks if not each.success}
    assert "expect_column_type_to_be(total_charges)" in failing
