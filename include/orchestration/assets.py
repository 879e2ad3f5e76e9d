"""Name the assets that Dags make, so that other Dags can wait for them."""

from __future__ import annotations

from airflow.sdk import Asset

GROUP = "nightshift"


def features_asset(project_name: str) -> Asset:
    """Return the asset of a project's feature partitions: changed when a night has prepared new days."""
    return Asset(f"{project_name}__features", uri=f"nightshift://{project_name}/features", group=GROUP)


def champion_asset(project_name: str) -> Asset:
    """Return the asset of a project's champion: changed when a model is promoted."""
    return Asset(f"{project_name}__champion", uri=f"nightshift://{project_name}/champion", group=GROUP)


def predictions_asset(project_name: str) -> Asset:
    """Return the asset of a project's predictions: changed when a day is scored, or scored anew."""
    return Asset(f"{project_name}__predictions", uri=f"nightshift://{project_name}/predictions", group=GROUP)
