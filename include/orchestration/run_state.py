"""Read from Airflow's database how a run stands; used where that database may be read: scheduler and API server."""

from __future__ import annotations

from typing import Any

from include.config.stages import APPROVE_TASK
from include.orchestration.stage_call import ERROR_KEY


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
