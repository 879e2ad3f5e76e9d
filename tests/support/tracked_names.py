"""Read everything that people see in an MLflow, as plain values that can be compared."""

from __future__ import annotations

from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType

from include.io.tracking_database import busy_safe


def listing(tracking_url: str, view: int = ViewType.ACTIVE_ONLY) -> dict[str, Any]:
    """Return each experiment with its runs, and each registered model with its versions and aliases, by name."""
    address = busy_safe(tracking_url)
    client = MlflowClient(address, address)
    found: dict[str, Any] = {}
    for experiment in client.search_experiments(view):
        runs = client.search_runs([experiment.experiment_id], run_view_type=view)
        found[f"experiment {experiment.name}"] = {
            run.info.run_id: (run.info.status, run.data.params, run.data.metrics, run.data.tags, run.info.artifact_uri)
            for run in runs
        }
    for model in client.search_registered_models():
        versions = client.search_model_versions(f"name = '{model.name}'")
        found[f"model {model.name}"] = (
            {str(one.version): (one.run_id, one.source, one.tags, one.description) for one in versions},
            {alias: str(version) for alias, version in model.aliases.items()},
        )
    return found


def of_namespace(listed: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Return what of a listing is named by the namespace."""
    return {name: held for name, held in listed.items() if f" {namespace}." in name}
