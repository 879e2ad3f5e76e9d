"""Do to a running Airflow what a namespace needs: its pool, and in the end the removal of its Dags and their history.

Which Dags there are is told to Airflow by the registry in the home alone (include/domain/names.py): the Dag files
are read again by themselves.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from include.airflow_client.api import AirflowApi
from include.airflow_client.runs import POLL_SECONDS
from include.domain import clock
from include.domain.errors import AirflowApiError, SettingsError, StackError
from include.domain.names import TRAINING_POOL, begin_removal, named_in, namespace_of, training_pool

# a Dag file is read again within the refresh interval, and reading all of them takes its time
UNLISTED_SECONDS = 300
CONFLICT = 409
UNFINISHED = ("running", "queued")


@dataclass(frozen=True)
class InAirflow:
    """Say what an Airflow has of a namespace.

    Attributes:
        dag_ids: Its Dags, those it no longer reads included.
        runs: How many runs they have.
        unfinished: Runs that are running or queued, as "dag_id run_id".
        pool: Its pool, or an empty string.
    """

    dag_ids: tuple[str, ...] = ()
    runs: int = 0
    unfinished: tuple[str, ...] = ()
    pool: str = ""


def ensure_pool(api: AirflowApi, namespace: str) -> None:
    """Make the pool of a namespace, with as many slots as production's has; one that is there stays as it is.

    Raises:
        SettingsError: Production has none.
    """
    name = training_pool(namespace)
    if not namespace or api.pool(name) is not None:
        return
    base = api.pool(TRAINING_POOL)
    if base is None:
        raise SettingsError(
            f"namespace {namespace}",
            f"Airflow has no pool '{TRAINING_POOL}' whose slots could be taken over",
            hint="is airflow_settings.yaml loaded?",
        )
    try:
        api.create_pool(name, int(base["slots"]), f"Trainings of namespace {namespace}")
    except AirflowApiError as error:
        # another command was faster
        if error.status != CONFLICT:
            raise


def in_airflow(api: AirflowApi, namespace: str) -> InAirflow:
    """Return what an Airflow has of a namespace."""
    dag_ids = tuple(sorted(dag["dag_id"] for dag in _dags(api, namespace)))
    runs = {dag_id: api.every_run(dag_id) for dag_id in dag_ids}
    unfinished = [
        f"{dag_id} {run['dag_run_id']}" for dag_id in dag_ids for run in runs[dag_id] if run["state"] in UNFINISHED
    ]
    pool = training_pool(namespace) if api.pool(training_pool(namespace)) else ""
    return InAirflow(dag_ids, sum(map(len, runs.values())), tuple(unfinished), pool)


def refuse_while_running(found: InAirflow, namespace: str) -> None:
    """Refuse to remove a namespace in which something runs.

    Raises:
        SettingsError: A run is running or queued, with its name.
    """
    if found.unfinished:
        raise SettingsError(
            f"namespace {namespace}",
            "runs of it are not finished",
            got=", ".join(found.unfinished[:3])
            + (f" (+{left} more)" if (left := len(found.unfinished) - 3) > 0 else ""),
            hint="wait for them, or mark them as failed in the UI",
        )


def remove_from_airflow(
    api: AirflowApi,
    home: Path,
    namespace: str,
    logs: Path,
    *,
    own: bool = False,
    while_waiting: Callable[[], None] = lambda: None,
) -> None:
    """Remove a namespace's Dags with their runs, its pool and its task logs; again, it removes what is left.

    Args:
        api: The Airflow.
        home: Whose registry says which namespaces it reads.
        namespace: Its name.
        logs: The folder of task logs.
        own: It was started for this, after `begin_removal`: what counts as running there was left by a killed command,
            and is ended.
        while_waiting: Called while Airflow reads its Dag files again.

    Raises:
        SettingsError: A run is not finished; nothing was removed.
        StackError: Airflow does not read its Dag files again.
        AirflowApiError: Airflow refuses.
    """
    found = in_airflow(api, namespace)
    if own:
        for run in found.unfinished:
            dag_id, run_id = run.split(" ", 1)
            api.fail_run(dag_id, run_id, "its namespace is removed")
    else:
        refuse_while_running(found, namespace)
    begin_removal(home, namespace)
    if not own:
        # a Dag that is still read would come back; an own Airflow has begun after its removal had
        _wait_until_unread(api, namespace, clock.now(), while_waiting)
    for dag in _dags(api, namespace):
        api.delete_dag(dag["dag_id"])
    if api.pool(training_pool(namespace)) is not None:
        api.delete_pool(training_pool(namespace))
    remove_logs(logs, namespace)


def remove_logs(logs: Path, namespace: str) -> None:
    """Remove the logs of a namespace's tasks."""
    for folder in logs.glob(f"dag_id={named_in(namespace, '*')}"):
        shutil.rmtree(folder, ignore_errors=True)


def _dags(api: AirflowApi, namespace: str) -> list[dict[str, Any]]:
    found = api.every_dag(named_in(namespace, "%"))
    return [dag for dag in found if namespace_of(dag["dag_id"]) == namespace]


def _wait_until_unread(api: AirflowApi, namespace: str, since: datetime, while_waiting: Callable[[], None]) -> None:
    """Wait until each Dag file was read by a process that began after `since`: it did not see the namespace any more.

    A file is told by any Dag in it that stays.
    """
    deadline = time.monotonic() + UNLISTED_SECONDS
    late = _files(api, namespace)
    while late:
        if time.monotonic() > deadline:
            raise StackError(
                f"namespace {namespace}",
                f"Airflow has not read its Dag files again in {UNLISTED_SECONDS} s, so its Dags would come back",
                got=", ".join(sorted(late)),
                hint="is the dag-processor running? The same command goes on from here",
            )
        read = {
            dag["relative_fileloc"]
            for dag in api.every_dag("%")
            if dag["last_parsed_time"] and not dag["is_stale"] and _began(dag) > since
        }
        late -= read
        if late:
            while_waiting()
            time.sleep(POLL_SECONDS)


def _files(api: AirflowApi, namespace: str) -> set[str]:
    """Return the files that Airflow still reads a Dag of the namespace from, and of others, too."""
    dags = [dag for dag in api.every_dag("%") if not dag["is_stale"]]
    mine = {dag["relative_fileloc"] for dag in dags if namespace_of(dag["dag_id"]) == namespace}
    return mine & {dag["relative_fileloc"] for dag in dags if namespace_of(dag["dag_id"]) != namespace}


def _began(dag: dict[str, Any]) -> datetime:
    """Return when the reading began that a Dag was last seen in."""
    return datetime.fromisoformat(dag["last_parsed_time"]) - timedelta(seconds=dag["last_parse_duration"] or 0)
