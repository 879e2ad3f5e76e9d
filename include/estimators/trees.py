"""Ensembles of scikit-learn's trees: random forest, extra trees, histogram gradient boosting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from include.config.estimators import COUNT, NOT_NEGATIVE, POSITIVE, SHARE, Estimator, Param, ParamValue


def _forest(name: str) -> Callable[[Mapping[str, ParamValue], int, int], Any]:
    """Return what builds a forest of the class `name` of `sklearn.ensemble`."""

    def build(params: Mapping[str, ParamValue], seed: int, threads: int) -> Any:
        from sklearn import ensemble

        return getattr(ensemble, name)(**params, n_jobs=threads, random_state=seed)

    return build


def _hist_gradient_boosting(params: Mapping[str, ParamValue], seed: int, _: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # stopping early would hold out rows at random, whatever their day
    return HistGradientBoostingClassifier(**params, early_stopping=False, random_state=seed)


def _bin_with_one_thread(model: Any) -> None:
    # kept with the model; the fitted numbers do not depend on it
    model._bin_mapper.n_threads = 1


_DEPTH = Param(low=1, whole=True, choices=(None,))
_FOREST = {
    "n_estimators": COUNT,
    "max_depth": _DEPTH,
    "min_samples_leaf": COUNT,
    "min_samples_split": Param(low=2, whole=True),
    "max_features": Param(low=0, high=1, above_low=True, choices=("sqrt", "log2", None)),
    "max_leaf_nodes": Param(low=2, whole=True, choices=(None,)),
    "class_weight": Param(choices=("balanced", "balanced_subsample", None)),
}
_TREE = ("sklearn.tree._tree.Tree",)

ESTIMATORS = (
    Estimator(
        name="random_forest",
        params=_FOREST,
        build={"binary": _forest("RandomForestClassifier")},
        numbers="as_is",
        trusted=_TREE,
    ),
    Estimator(
        name="extra_trees",
        params=_FOREST,
        build={"binary": _forest("ExtraTreesClassifier")},
        numbers="as_is",
        trusted=_TREE,
    ),
    Estimator(
        name="hist_gradient_boosting",
        params={
            "learning_rate": POSITIVE,
            "max_iter": COUNT,
            "max_leaf_nodes": Param(low=2, whole=True, choices=(None,)),
            "max_depth": _DEPTH,
            "min_samples_leaf": COUNT,
            "l2_regularization": NOT_NEGATIVE,
            "max_features": SHARE,
            "max_bins": Param(low=2, high=255, whole=True),
            "class_weight": Param(choices=("balanced", None)),
        },
        build={"binary": _hist_gradient_boosting},
        # as they are it takes missing numbers, but no column that has none in one fold
        numbers="scaled",
        trusted=("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
        one_thread=_bin_with_one_thread,
    ),
)
