"""XGBoost's gradient boosted trees; a missing number goes the way that a split has learnt for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from include.config.estimators import COUNT, NOT_NEGATIVE, SHARE, Estimator, Param, ParamValue

if TYPE_CHECKING:
    from xgboost import XGBClassifier


def _classifier(params: Mapping[str, ParamValue], seed: int, threads: int) -> XGBClassifier:
    import numpy as np
    from xgboost import XGBClassifier

    return XGBClassifier(
        **params, tree_method="hist", missing=np.nan, n_jobs=threads, random_state=seed, verbosity=0, device="cpu"
    )


def _one_thread(model: XGBClassifier) -> None:
    # the fitted numbers do not depend on them: measured with 1, 2, 3 and 5 threads on 100,000 rows
    model.set_params(n_jobs=1)
    model.get_booster().set_param({"nthread": 1})


ESTIMATORS = (
    Estimator(
        name="xgboost",
        params={
            "n_estimators": COUNT,
            "max_depth": Param(low=0, whole=True),
            "learning_rate": SHARE,
            "subsample": SHARE,
            "colsample_bytree": SHARE,
            "min_child_weight": NOT_NEGATIVE,
            "reg_lambda": NOT_NEGATIVE,
            "reg_alpha": NOT_NEGATIVE,
            "gamma": NOT_NEGATIVE,
            "max_bin": Param(low=2, whole=True),
        },
        build={"binary": _classifier},
        # dense: in a sparse matrix XGBoost would read zeros as missing
        numbers="as_is",
        trusted=("xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"),
        libraries=("xgboost",),
        one_thread=_one_thread,
    ),
)
