"""List what MLflow knows of a project or a namespace, and remove model versions and runs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.domain.names import split_tracking
from include.io.tracking import CANDIDATE_TAG, Tracking
from include.io.tracking_database import busy_safe, prepare_tracking, quiet_mlflow, tracking_errors

PAGE = 1000


@dataclass(frozen=True)
class KnownRun:
    """Describe one run.

    Attributes:
        candidate_id: Empty for a run that is none of ours.
        status: RUNNING, FINISHED, FAILED, KILLED or SCHEDULED.
        touched: When it started or ended, whichever is later, in UTC.
        artifact_uri: Where its files are.
    """

    run_id: str
    candidate_id: str
    status: str
    touched: datetime
    artifact_uri: str


@dataclass(frozen=True)
class KnownVersion:
    """Describe one model version; `aliases` point at it, `candidate_id` is empty for one that is none of ours."""

    version: str
    candidate_id: str
    run_id: str
    touched: datetime
    aliases: tuple[str, ...] = ()


class TrackingRemoval(Tracking):
    """Look through one project's experiment and registered model, and take things out of them."""

    def runs(self) -> list[KnownRun]:
        """Return all runs that are not deleted."""
        with self._errors("list runs"):
            return [_known_run(run) for run in pages(self._page_of_runs)]

    def versions(self) -> list[KnownVersion]:
        """Return all model versions."""
        with self._errors("list model versions"):
            models = self._client.search_registered_models(f"name = '{self._name}'")
            aliases = dict(models[0].aliases) if models else {}
            return [_known_version(found, aliases) for found in pages(self._page_of_versions)]

    def delete_version(self, version: str) -> None:
        """Delete a model version; deleting what is not there is no error."""
        with self._errors(f"delete version {version}"), unless_gone():
            self._client.delete_model_version(self._name, version)

    def delete_run(self, run_id: str) -> None:
        """Delete a run, not its files; deleting what is not there is no error."""
        with self._errors(f"delete run {run_id}"), unless_gone():
            self._client.delete_run(run_id)

    def _page_of_runs(self, token: str | None) -> Any:
        return self._client.search_runs([self._experiment], max_results=PAGE, page_token=token)

    def _page_of_versions(self, token: str | None) -> Any:
        return self._client.search_model_versions(f"name = '{self._name}'", max_results=PAGE, page_token=token)


@contextmanager
def unless_gone() -> Iterator[None]:
    """Pass over what MLflow says of a version or run that is gone already."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def pages(page: Callable[[str | None], Any]) -> Iterator[Any]:
    """Yield what is on all pages; `page` is given the token of each."""
    token = None
    while True:
        found = page(token)
        yield from found
        token = found.token
        if not token:
            return


def _known_run(run: Any) -> KnownRun:
    info = run.info
    moment = max(info.start_time, info.end_time or 0)
    candidate = run.data.tags.get(CANDIDATE_TAG, "")
    return KnownRun(info.run_id, candidate, info.status, _utc(moment), info.artifact_uri)


def _known_version(found: Any, aliases: dict[str, Any]) -> KnownVersion:
    version = str(found.version)
    return KnownVersion(
        version=version,
        candidate_id=found.tags.get(CANDIDATE_TAG, ""),
        run_id=found.run_id or "",
        touched=_utc(max(found.creation_timestamp or 0, found.last_updated_timestamp or 0)),
        aliases=tuple(sorted(name for name, target in aliases.items() if str(target) == version)),
    )


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


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
