"""Find what MLflow holds of a namespace, and remove it, so that a later one of the same name begins anew.

In a database everything goes for good, by what `mlflow gc` itself calls. A server only lets an experiment be marked as
deleted: it gets another name first, because the name of a deleted one stays taken, and whoever restored it would find
its runs again. Runs' files are the store's.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from include.config.namespaces import split_tracking
from include.io.tracking_database import busy_safe, prepare_tracking, quiet_mlflow
from include.io.tracking_errors import tracking_errors
from include.io.tracking_removal import pages, unless_gone

PAGE = 1000
_REMOVED = ".removed-"
_NAME = re.compile(r"(?P<namespace>[a-z0-9-]+)\.[a-z][a-z0-9_]{1,49}(?P<removed>\.removed-[0-9a-f]{32})?")


class TrackedNamespaces:
    """Be the experiments and registered models of all namespaces.

    Args:
        tracking_url: `sqlite:///file`, another database, or `http://host:port`; a namespace in it does not matter.

    Raises:
        TrackingError: MLflow does not answer.
    """

    def __init__(self, tracking_url: str) -> None:
        quiet_mlflow()
        self._url, _ = split_tracking(tracking_url)
        prepare_tracking(self._url)
        with tracking_errors(self._url, "connect"):
            from mlflow import MlflowClient

            address = busy_safe(self._url)
            self._client = MlflowClient(address, address)
            store = self._client._tracking_client.store
            # as `mlflow gc` tells a database from a server
            self._database: Any = store if hasattr(store, "_hard_delete_run") else None

    def names(self) -> set[str]:
        """Return the namespaces that MLflow holds something of."""
        with tracking_errors(self._url, "list namespaces"):
            found = [*self._experiments(""), *self._models("")]
        return {named["namespace"] for one in found if (named := _NAME.fullmatch(one.name))}

    def experiments(self, namespace: str) -> list[str]:
        """Return the names of a namespace's experiments, deleted ones included."""
        with tracking_errors(self._url, "list experiments"):
            return sorted(one.name for one in self._experiments(namespace))

    def models(self, namespace: str) -> list[str]:
        """Return the names of a namespace's registered models."""
        with tracking_errors(self._url, "list registered models"):
            return sorted(one.name for one in self._models(namespace))

    def remove(self, namespace: str) -> None:
        """Remove all of a namespace; what a killed removal has left is removed by the next.

        Raises:
            TrackingError: MLflow does not answer, or refuses.
        """
        with tracking_errors(self._url, f"remove namespace {namespace}"):
            for model in self._models(namespace):
                with unless_gone():
                    self._client.delete_registered_model(model.name)
            for experiment in self._experiments(namespace):
                with unless_gone():
                    self._remove_experiment(experiment)

    def _remove_experiment(self, experiment: Any) -> None:
        if self._database is None:
            self._hide_experiment(experiment)
            return
        if experiment.lifecycle_stage == "active":
            self._client.delete_experiment(experiment.experiment_id)
        for run in tuple(pages(lambda token: self._page_of_runs(experiment.experiment_id, token))):
            self._database._hard_delete_run(run.info.run_id)
        self._database._hard_delete_experiment(experiment.experiment_id)

    def _hide_experiment(self, experiment: Any) -> None:
        if experiment.lifecycle_stage == "deleted":
            # a person has deleted it, and its name is still taken
            self._client.restore_experiment(experiment.experiment_id)
        if _REMOVED not in experiment.name:
            self._client.rename_experiment(experiment.experiment_id, f"{experiment.name}{_REMOVED}{uuid.uuid4().hex}")
        self._client.delete_experiment(experiment.experiment_id)

    def _page_of_runs(self, experiment_id: str, token: str | None) -> Any:
        from mlflow.entities import ViewType

        return self._client.search_runs([experiment_id], "", ViewType.ALL, PAGE, page_token=token)

    def _experiments(self, namespace: str) -> list[Any]:
        """Return the experiments of a namespace, or of all; those that a server has hidden for good are left out."""
        from mlflow.entities import ViewType

        def page(token: str | None) -> Any:
            return self._client.search_experiments(ViewType.ALL, PAGE, page_token=token)

        found = [one for one in tuple(pages(page)) if _is_of(namespace, one.name)]
        return [one for one in found if not self._is_hidden(one)]

    def _is_hidden(self, experiment: Any) -> bool:
        return self._database is None and experiment.lifecycle_stage == "deleted" and _REMOVED in experiment.name

    def _models(self, namespace: str) -> list[Any]:
        def page(token: str | None) -> Any:
            return self._client.search_registered_models(max_results=PAGE, page_token=token)

        return [one for one in tuple(pages(page)) if _is_of(namespace, one.name)]


def _is_of(namespace: str, name: str) -> bool:
    """Tell whether a name is one that Nightshift gives in a namespace (empty: in any)."""
    found = _NAME.fullmatch(name)
    return found is not None and namespace in ("", found["namespace"])
