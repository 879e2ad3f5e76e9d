"""Say how a model of churn must behave, whatever its metrics: what keeps customers does not drive them away.

How often each holds for honest models, and so each `share`: README.md.
"""

from __future__ import annotations

import pandas as pd

from include.config.behaviour import Directional, Invariance, Test

LONGEST_MONTHS = 72
TWO_YEARS_MONTHS = 24


def build_behaviour() -> list[Test]:
    """Return what changed customers may and must do to a model's scores."""
    return [
        Invariance("gender does not matter", _other_gender),
        Invariance("age does not matter", _other_age_group),
        Directional("a contract of two years keeps a customer", _two_year_contract, "down", by=0.005, share=0.95),
        Directional("a contract month to month keeps nobody", _month_to_month, "up", by=0.002, share=0.95),
        Directional("who has stayed two years longer is no likelier to leave", _longer, "down", share=0.9),
        Directional("who has technical support is no likelier to leave", _support, "down", share=0.9),
    ]


def _other_gender(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(female=1 - rows["female"])


def _other_age_group(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(senior_citizen=1 - rows["senior_citizen"])


def _two_year_contract(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(contract=rows["contract"].replace("Month-to-month", "Two year"))


def _month_to_month(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(contract=rows["contract"].replace("Two year", "Month-to-month"))


def _longer(rows: pd.DataFrame) -> pd.DataFrame:
    """Let customers be two years older, where that is a tenure that there is; the total they paid stays."""
    tenure = rows["tenure_months"]
    older = tenure + TWO_YEARS_MONTHS
    return rows.assign(tenure_months=older.where(older <= LONGEST_MONTHS, tenure))


def _support(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(tech_support=rows["tech_support"].replace("No", "Yes"))
