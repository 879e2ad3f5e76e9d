"""Say what a good day of customer snapshots looks like.

Row-level expectations set single customers aside; the others reject the whole day.
"""

from __future__ import annotations

import great_expectations.expectations as gxe
from great_expectations.expectations import Expectation
from great_expectations.expectations.row_conditions import Column

FLAGS = ["female", "senior_citizen", "partner", "dependents", "phone_service", "paperless_billing"]
EXTRAS = ["online_security", "online_backup", "device_protection", "tech_support", "streaming_tv", "streaming_movies"]
CHOICES = {
    "churn": ["No", "Yes"],
    "contract": ["Month-to-month", "One year", "Two year"],
    "internet_service": ["DSL", "Fiber optic", "No"],
    "multiple_lines": ["No", "No phone service", "Yes"],
    "payment_method": [
        "Bank transfer (automatic)",
        "Credit card (automatic)",
        "Electronic check",
        "Mailed check",
    ],
    **{name: ["No", "No internet service", "Yes"] for name in EXTRAS},
}


def build_suite() -> list[Expectation]:
    """Return the expectations of one day."""
    return [*_of_the_table(), *_of_each_customer()]


def _of_the_table() -> list[Expectation]:
    columns = ["snapshot_date", "customer_id", "tenure", "monthly_charges", "total_charges", *FLAGS, *CHOICES]
    return [
        gxe.ExpectTableColumnsToMatchSet(
            column_set=sorted(columns), exact_match=False, meta={"why": "features and target are made from these"}
        ),
        gxe.ExpectTableRowCountToBeBetween(
            min_value=60, max_value=400, meta={"why": "a sixtieth of 7,043 customers: 117, give or take 11"}
        ),
        gxe.ExpectColumnUniqueValueCountToBeBetween(
            column="snapshot_date", min_value=1, max_value=1, meta={"why": "a partition is one snapshot"}
        ),
        gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(
            column="churn", min_value=0.95, meta={"why": "the contracts department knows who left"}
        ),
        gxe.ExpectColumnDistinctValuesToEqualSet(
            column="churn", value_set=["No", "Yes"], meta={"why": "on no day does everyone stay, or everyone leave"}
        ),
        gxe.ExpectColumnMeanToBeBetween(
            column="monthly_charges", min_value=40, max_value=90, meta={"why": "65 on average; else another currency"}
        ),
        *(_type(name, "str") for name in ("customer_id", "churn", "contract")),
        _type("tenure", "int64"),
        *(_type(name, "float64") for name in ("monthly_charges", "total_charges")),
    ]


def _of_each_customer() -> list[Expectation]:
    return [
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["snapshot_date", "customer_id"], meta={"why": "a customer is in a snapshot once"}
        ),
        gxe.ExpectColumnValuesToMatchRegex(column="customer_id", regex=r"^C\d{5}$"),
        *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in ("customer_id", "tenure", "monthly_charges")),
        *(
            gxe.ExpectColumnValuesToNotBeNull(column=name)
            for name in ("contract", "internet_service", "payment_method")
        ),
        *(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=[0, 1]) for name in FLAGS),
        *(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=values) for name, values in CHOICES.items()),
        gxe.ExpectColumnValuesToBeBetween(column="tenure", min_value=0, max_value=120, meta={"why": "months"}),
        gxe.ExpectColumnValuesToBeBetween(
            column="monthly_charges",
            min_value=10,
            max_value=200,
            meta={"why": "dollars; the sample has 18.25 to 118.75"},
        ),
        gxe.ExpectColumnValuesToNotBeNull(
            column="total_charges",
            row_condition=Column("tenure") > 0,
            meta={"why": "only a customer of tenure 0 has had no bill"},
        ),
        gxe.ExpectColumnValuesToBeBetween(column="total_charges", min_value=0, max_value=20000),
    ]


def _type(column: str, dtype: str) -> Expectation:
    return gxe.ExpectColumnTypeToBe(column=column, type_=dtype)
