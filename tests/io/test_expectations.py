"""Check what is made of Great Expectations' reports."""

from __future__ import annotations

import json
import logging

import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.expectations import Expectation
from great_expectations.expectations.row_conditions import Column

from include.io.expectations import Check, SuiteRunner, is_expectation

FRAME = pd.DataFrame(
    {
        "name": ["a", "b", None, "d", "d", "f"],
        "price": [1.0, -2.0, 3.0, -4.0, 5.0, 6.0],
        "cost": [0.5, 1.0, 4.0, 1.0, 1.0, 1.0],
        "phone": ["1", "2", "x1", "x2", "5", "6"],
    }
)


def found(*expectations: Expectation, hidden: tuple[str, ...] = ()) -> tuple[Check, ...]:
    return SuiteRunner("demo", expectations, hidden).run(FRAME).checks


def test_a_row_level_failure_names_its_rows_and_examples() -> None:
    (check,) = found(gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0))
    assert check == Check(
        "expect_column_values_to_be_between", ("price",), success=False, count=2, rows=(1, 3), examples=("-2.0", "-4.0")
    )
    assert check.label == "expect_column_values_to_be_between(price)"


@pytest.mark.parametrize(
    ("expectation", "columns", "rows"),
    [
        (gxe.ExpectColumnValuesToNotBeNull(column="name"), ("name",), (2,)),
        (gxe.ExpectColumnValuesToBeUnique(column="name"), ("name",), (3, 4)),
        (gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="price", column_B="cost"), ("price", "cost"), (1, 2, 3)),
        (gxe.ExpectCompoundColumnsToBeUnique(column_list=["name", "cost"]), ("name", "cost"), (3, 4)),
        (
            gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0, row_condition=Column("cost") == 1.0),
            ("price",),
            (1, 3),
        ),
    ],
)
def test_rows_are_positions_whatever_the_kind(
    expectation: Expectation, columns: tuple[str, ...], rows: tuple[int, ...]
) -> None:
    (check,) = found(expectation)
    assert (check.success, check.columns, check.rows) == (False, columns, rows)


def test_failures_within_mostly_are_none() -> None:
    (check,) = found(gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0, mostly=0.6))
    assert (check.success, check.count) == (True, 2)


@pytest.mark.parametrize(
    ("expectation", "observed"),
    [
        (gxe.ExpectTableRowCountToBeBetween(min_value=10), "6"),
        (gxe.ExpectColumnMeanToBeBetween(column="price", min_value=10), "1.5"),
        (gxe.ExpectColumnValuesToBeOfType(column="price", type_="str"), "float64"),
    ],
)
def test_a_table_level_failure_names_no_rows(expectation: Expectation, observed: str) -> None:
    (check,) = found(expectation)
    assert (check.success, check.rows, check.count, check.examples) == (False, None, 0, (observed,))


def test_an_expectation_that_cannot_be_evaluated_says_why_and_hides_no_other() -> None:
    checks = found(
        gxe.ExpectColumnValuesToBeBetween(column="gone", min_value=0),
        gxe.ExpectColumnMeanToBeBetween(column="name", min_value=0),
        gxe.ExpectColumnValuesToNotBeNull(column="name"),
    )
    told = {check.label: check.exception for check in checks}
    assert told["expect_column_values_to_be_between(gone)"] == 'The column "gone" in BatchData does not exist.'
    assert "mean" in told["expect_column_mean_to_be_between(name)"]
    assert told["expect_column_values_to_not_be_null(name)"] == ""
    assert all(check.rows is None for check in checks if check.exception)


def test_hidden_columns_show_no_value_anywhere() -> None:
    runner = SuiteRunner("demo", [gxe.ExpectColumnValuesToMatchRegex(column="phone", regex="^[0-9]")], ["phone"])
    report = runner.run(FRAME)
    assert (report.checks[0].rows, report.checks[0].examples) == ((2, 3), ())
    assert "x1" not in json.dumps(report.as_json())
    assert "x1" not in str(report.document.to_json_dict())


def test_results_are_plain_and_the_same_for_the_same_frame() -> None:
    runner = SuiteRunner(
        "demo",
        [
            gxe.ExpectColumnMeanToBeBetween(column="price", min_value=9),
            gxe.ExpectColumnValuesToNotBeNull(column="name"),
        ],
    )
    first, second = runner.run(FRAME).as_json(), runner.run(FRAME).as_json()
    assert json.dumps(first) == json.dumps(second)
    assert first[0] == {
        "expectation": "expect_column_mean_to_be_between",
        "arguments": {"column": "price", "min_value": 9.0},
        "success": False,
        "result": {"observed_value": 1.5},
        "exception": "",
    }


def test_one_runner_serves_many_frames() -> None:
    runner = SuiteRunner("demo", [gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0)])
    counts = [runner.run(FRAME.assign(price=price)).checks[0].count for price in (1.0, -1.0, 2.0)]
    assert counts == [0, 6, 0]


def test_a_run_is_silent(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found(gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0))
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


def test_only_expectations_are_expectations() -> None:
    assert is_expectation(gxe.ExpectColumnValuesToNotBeNull(column="name"))
    assert not is_expectation({"type": "expect_column_values_to_not_be_null"})


def test_a_page_shows_what_the_data_says_as_text() -> None:
    hostile = "<b onclick=alert(1)>x&y</b>"
    frame = pd.DataFrame({"name": ["a", hostile], "price": [1, 2]})
    suite = (
        gxe.ExpectColumnValuesToBeInSet(column="name", value_set=["a"]),
        gxe.ExpectColumnPairValuesToBeEqual(column_A="name", column_B="price"),
        gxe.ExpectColumnDistinctValuesToContainSet(column="name", value_set=["b"]),
        gxe.ExpectColumnMeanToBeBetween(column="name", min_value=0),
    )
    report = SuiteRunner("demo", suite, ()).run(frame)
    page = report.as_page()
    assert page.count("&lt;b onclick=alert(1)&gt;x&amp;y&lt;/b&gt;") == 2
    assert "<b onclick" not in page
    assert "&amp;lt;" not in page
    assert hostile in json.dumps(report.as_json())
