"""List everything that MLflow knows of a project, and remove model versions and runs.

MLflow keeps a removed run as "deleted" in its database until `mlflow gc` is run; its files are the store's and are
removed there. The number of a removed version is not given out again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.io.tracking import CANDIDATE_TAG, Tracking

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
