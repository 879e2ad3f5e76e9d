"""The k nearest neighbours: the share of positives among the most similar rows of the train part.

The model holds the train part's rows as numbers: its file is as large as they are, and whoever may read it may read
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from include.config.estimators import COUNT, Estimator, Param, ParamValue

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier


def _classifier(params: Mapping[str, ParamValue], _: int, threads: int) -> KNeighborsClassifier:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(**params, n_jobs=threads)


ESTIMATORS = (
    Estimator(
        name="nearest_neighbours",
        params={
            "n_neighbors": COUNT,
            "weights": Param(choices=("uniform", "distance")),
            # of the distance: 1 adds up the differences, 2 is Euclid's
            "p": Param(low=1, high=2, whole=True),
        },
        build={"binary": _classifier},
        numbers="scaled",
        trusted=(
            "sklearn.metrics._dist_metrics.EuclideanDistance64",
            "sklearn.metrics._dist_metrics.ManhattanDistance64",
            "sklearn.neighbors._kd_tree.KDTree",
        ),
    ),
)
