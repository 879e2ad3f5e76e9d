"""Name the assets that Dags make, so that other Dags can wait for them."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

from include.config.namespaces import named_in
from include.config.stages import asset_uri

GROUP = "nightshift"
# what a Dag that acts on the project of its form changes is known only when it runs
CHANGED_CHAMPION = AssetAlias("nightshift__changed_champion", group=GROUP)


def features_asset(project_name: str, namespace: str = "") -> Asset:
    """Return the asset of a project's feature partitions: changed when a night has prepared new days."""
    return _asset(named_in(namespace, project_name), "features")


def champion_asset(project_name: str, namespace: str = "") -> Asset:
    """Return the asset of a project's champion: changed when a model is promoted, or put back."""
    return _asset(named_in(namespace, project_name), "champion")


def predictions_asset(project_name: str, namespace: str = "") -> Asset:
    """Return the asset of a project's predictions: changed when a day is scored, or scored anew."""
    return _asset(named_in(namespace, project_name), "predictions")


def _asset(name: str, kind: str) -> Asset:
    return Asset(f"{name}__{kind}", uri=asset_uri(name, kind), group=GROUP)
