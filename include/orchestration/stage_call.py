"""Call one stage from a task: inputs, connections, Airflow's retry or fail-now; and read how a run stands."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from include.config.connections import ConnectionFields, sqlalchemy_url
from include.config.discovery import load_project
from include.config.project import Project, SqlSource
from include.config.settings import Settings, git_commit, lock_hash
from include.domain.decision import LedgerEntry
from include.domain.errors import BUGS, ConnectionMissingError, NightshiftError
from include.domain.names import APPROVE_TASK, PIN_DAG, RETENTION_DAG, ROLLBACK_DAG, Stage, project_of, split_name
from include.domain.results import (
    EvaluateInputs,
    Origin,
    PartitionInputs,
    PlanInputs,
    PromoteInputs,
    RunType,
    ScoreInputs,
    StageInputs,
    TrainInputs,
)
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.orchestration.dag_building import settings_of
from include.orchestration.params import resolve_as_of

# of every task of ours: how often it is tried again, and after which wait
DEFAULT_ARGS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
}


def source_connections(project: Project, settings: Settings) -> dict[str, SecretStr]:
    """Return the SQLAlchemy URL of the connection that the project's source names; nothing for a source of files.

    The URL never leaves the task's process: it is no part of a receipt, and Airflow masks it in the log.

    Raises:
        ConnectionMissingError: Airflow knows no connection of that name.
        SettingsError: It is not of a type that can be read from.
    """
    if not isinstance(project.source, SqlSource):
        return {}
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from airflow.sdk.log import mask_secret

    name = project.source.connection
    try:
        found = Connection.get(name)
    except AirflowNotFoundException as error:
        raise ConnectionMissingError(
            f"{project.name}/project.yaml: source.connection",
            "Airflow knows no such connection",
            got=repr(name),
            hint=f"declare it in airflow_settings.yaml, in Airflow's UI, or as AIRFLOW_CONN_{name.upper()}",
        ) from error
    fields = ConnectionFields.model_validate(
        {
            "conn_type": found.conn_type,
            "host": found.host,
            "login": found.login,
            "password": found.password,
            "port": found.port,
            "schema": found.schema,
            "extra": found.extra_dejson,
        }
    )
    url = sqlalchemy_url(name, fields, settings.home)
    if fields.password is not None:
        mask_secret(url.get_secret_value())
    return {name: url}


log = logging.getLogger(__name__)
INPUTS: Mapping[Stage, type[StageInputs]] = {
    "plan": PlanInputs,
    "ingest": PartitionInputs,
    "validate": PartitionInputs,
    "build_features": PartitionInputs,
    "train": TrainInputs,
    "evaluate": EvaluateInputs,
    "promote": PromoteInputs,
    "score": ScoreInputs,
}
# Airflow's other types (by an operator, by materialising an asset) are asked for, like a manual run
RUN_TYPES: tuple[RunType, ...] = ("scheduled", "manual", "backfill", "asset_triggered")
# the key of the XCom that says why a task failed; the owner's message and the command line read it
ERROR_KEY = "error"


def call_stage(stage: Stage, project_name: str, by: Callable[[Project, Any], Any] | None = None, **given: Any) -> Any:
    """Run a stage for the current task's project and day.

    Args:
        stage: Its module in `include/stages` is imported here, never when a Dag file is parsed.
        project_name: The project's declaration is read here, too: a task is given names, not objects.
        by: Runs the stage elsewhere, with the same project and inputs; None runs it here.
        given: The stage's own inputs, as they came by XCom (plain JSON).

    Returns:
        The stage's result.

    Raises:
        AirflowFailException: The stage failed in a way that a retry cannot heal.
        NightshiftError: It failed in a way that a retry may heal.
    """
    from airflow.sdk import get_current_context

    context = get_current_context()
    with failures_for_airflow(context):
        settings = settings_of(context["dag_run"].dag_id)
        project = load_project(settings.projects_dir, project_name)
        inputs = INPUTS[stage].model_validate({**common_inputs(stage, project, settings, context), **given})
        run = by or importlib.import_module(f"include.stages.{stage}").run
        return run(project, inputs)


def common_inputs(stage: Stage, project: Project, settings: Settings, context: Any) -> dict[str, Any]:
    """Return the inputs that every stage is given; only ingest reads the source, so only it gets its addresses."""
    reads_source = stage == "ingest"
    return {
        "as_of": resolve_as_of(context),
        "store_url": settings.store_url,
        "tracking_url": settings.tracking_url,
        "origin": origin(context["dag_run"]),
        "connections": source_connections(project, settings) if reads_source else {},
        **({"landing_url": settings.landing_url} if reads_source else {}),
        "force": bool(context["params"]["force"]),
        "refresh_raw": bool(context["params"].get("refresh_raw", False)),
    }


def origin(dag_run: Any) -> Origin:
    """Return who caused the run and with which code."""
    return Origin(
        run_id=dag_run.run_id,
        dag_id=dag_run.dag_id,
        # compared with ==: str() of this enum is not its value
        run_type=next((kind for kind in RUN_TYPES if dag_run.run_type == kind), "manual"),
        triggered_by=dag_run.triggering_user_name or "",
        git_commit=git_commit(),
        lock_hash=lock_hash(),
    )


@contextmanager
def failures_for_airflow(context: Any) -> Iterator[None]:
    """Let retryable failures be retried, and fail now for all that a retry cannot heal.

    Our errors say it by their class. Of others, a bug fails now, because it would only fail again; what is left
    (the operating system, the network, Airflow itself) may heal.
    """
    from airflow.sdk.exceptions import AirflowFailException

    try:
        yield
    except NightshiftError as error:
        context["ti"].xcom_push(ERROR_KEY, f"{type(error).__name__}: {error}")
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from error
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        context["ti"].xcom_push(ERROR_KEY, message)
        if isinstance(error, BUGS):
            raise AirflowFailException(message) from error
        raise


def state_of_run(dag_id: str, run_id: str) -> str | None:
    """Return the state of a run (`queued`, `running`, `success`, `failed`), or None when there is no such run."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return str(state) if state is not None else None


def is_paused(dag_id: str) -> bool:
    """Tell whether a Dag is paused: what is triggered then stays queued until it is switched on."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return bool(session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id)))


def form_of_run(dag_id: str, run_id: str) -> dict[str, Any]:
    """Return what the form of a run was filled in with; nothing where there is no such run."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        conf: Any = session.scalar(select(DagRun.conf).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return dict(conf or {})


def waits_for_a_person(dag_id: str, run_id: str) -> bool:
    """Tell whether a run has asked whether its candidate is promoted, and has no answer yet."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        state = session.scalar(
            select(TaskInstance.state).where(
                TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id == APPROVE_TASK
            )
        )
    return state == "awaiting_input"


def failed_tasks(dag_id: str, run_id: str) -> list[str]:
    """Return a line for each failed task of a run: its name, its tries and its error."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        tasks = session.execute(
            select(TaskInstance.task_id, TaskInstance.map_index, TaskInstance.try_number).where(
                TaskInstance.dag_id == dag_id,
                TaskInstance.run_id == run_id,
                TaskInstance.state == "failed",
            )
        ).all()
        rows: Any = session.scalars(XComModel.get_many(run_id=run_id, dag_ids=dag_id, key=ERROR_KEY)).all()
        errors = {(row.task_id, row.map_index): XComModel.deserialize_value(row) for row in rows}
    lines = []
    for task_id, index, tries in tasks:
        name = f"{task_id} [{index}]" if index >= 0 else task_id
        lines.append(f"task {name}, try {tries}: {errors.get((task_id, index), 'see its log')}")
    return lines


def is_operation(dag_id: str) -> bool:
    """Tell whether a Dag acts on the project of its form (rollback, pin, retention) and decides nothing itself."""
    return split_name(dag_id)[1] in (ROLLBACK_DAG, PIN_DAG, RETENTION_DAG)


def decision_of_run(settings: Settings, dag_id: str, run_id: str) -> LedgerEntry | None:
    """Return the newest decision that a run wrote, or None when it has written none (yet).

    Raises:
        StoreError: The store does not answer.
    """
    project = project_of(dag_id)
    return Ledger(store_of(settings), project).of_run(dag_id, run_id) if project else None


def store_of(settings: Settings) -> ObjectStore:
    """Return the object store of the settings."""
    return open_store(settings.store_url)
