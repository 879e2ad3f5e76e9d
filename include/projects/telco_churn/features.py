"""Make features of a customer's contract: what is known on the day of the snapshot, without whether they left.

Gender and age group are protected: they are no features (leaving them out costs less than 0.0005 of ROC-AUC), and
results are compared by them.
"""

from __future__ import annotations

import pandas as pd

_EXTRAS = (
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)


def build_features(raw: pd.DataFrame, history: pd.DataFrame | None) -> pd.DataFrame:
    """Return one row of features for each customer of `raw`, indexed like it.

    Args:
        raw: The customers of one snapshot.
        history: None: nothing is looked back to.
    """
    # a customer of tenure 0 has had no bill yet: the total is missing, and it is 0
    total = raw["total_charges"].astype("float64").mask(raw["tenure"] == 0, 0.0)
    numeric = {
        "tenure_months": raw["tenure"],
        "monthly_charges": raw["monthly_charges"],
        "total_charges": total,
        "services": _services(raw),
    }
    categorical = {
        "has_partner": _yes_no(raw["partner"]),
        "has_dependents": _yes_no(raw["dependents"]),
        "contract": raw["contract"],
        "payment_method": raw["payment_method"],
        "has_paperless_billing": _yes_no(raw["paperless_billing"]),
        "phone_lines": raw["multiple_lines"],
        "internet_service": raw["internet_service"],
        **{name: raw[name] for name in _EXTRAS},
    }
    return pd.DataFrame(
        {name: values.astype("float64") for name, values in numeric.items()}
        | {name: values.astype("str") for name, values in categorical.items()},
        index=raw.index,
    )


def _services(raw: pd.DataFrame) -> pd.Series:
    """Return how many services a customer has: telephone, internet and each extra."""
    count = raw["phone_service"].astype("float64") + (raw["internet_service"] != "No").astype("float64")
    for name in _EXTRAS:
        count += (raw[name] == "Yes").astype("float64")
    return count


def _yes_no(flag: pd.Series) -> pd.Series:
    return flag.map({0: "No", 1: "Yes"})
