"""Build the Dags that a person triggers from the UI: rollback, pin or unpin, and retention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from include.config.discovery import discover, load_project
from include.config.settings import Settings
from include.domain.names import PIN_DAG, RETENTION_DAG, ROLLBACK_DAG, named_in, namespace_of
from include.orchestration.dag_building import (
    CHANGED_CHAMPION,
    champion_asset,
    is_asked,
    offered_projects,
    settings_of,
    shown_settings,
    tags_of,
)
from include.orchestration.params import PIN_FIELDS, ROLLBACK_FIELDS, pin_params, refuse_unknown, rollback_params
from include.orchestration.retrain import START_DATE
from include.orchestration.stage_call import DEFAULT_ARGS, failures_for_airflow, origin

OWNER = "nightshift"
ROLLBACK_TEXT = """\
# Roll back

Puts an earlier champion of a project back in force. Its release is loaded before and after; it takes effect at once.

What is rolled back stays out, also when its night runs again, until a person puts it back:
`./nightshift promote PROJECT VERSION --reason "..."`. A pin does not hold a rollback, and stays.

The same by the command line: `./nightshift rollback PROJECT [--to VERSION] --reason "..."`.
"""
PIN_TEXT = """\
# Pin

Keeps a project's champion in force: while it is pinned, nights decide HOLD, and promotions by hand are refused.
`unpin` ends that; what the nights have proved meanwhile is in their decisions.

The same by the command line: `./nightshift pin PROJECT --reason "..."`, `./nightshift unpin PROJECT --reason "..."`.
"""


def operation_dags() -> Iterator[DAG]:
    """Yield the Dags that act on one project of the form; none without a valid project."""
    projects = offered_projects()
    for settings in shown_settings():
        if projects and is_asked(named_in(settings.namespace, ROLLBACK_DAG)):
            yield build_rollback_dag(projects, settings.namespace)
        if projects and is_asked(named_in(settings.namespace, PIN_DAG)):
            yield build_pin_dag(projects, settings.namespace)


def build_rollback_dag(projects: list[str], namespace: str = "") -> DAG:
    """Return the Dag that puts an earlier champion of a project back in force."""
    params = rollback_params(projects)
    with _dag(namespace, ROLLBACK_DAG, "Put an earlier champion back in force", ROLLBACK_TEXT, params) as dag:
        _roll_back()
    return dag


def build_pin_dag(projects: list[str], namespace: str = "") -> DAG:
    """Return the Dag that pins a project's champion, or takes the pin off."""
    params = pin_params(projects)
    with _dag(namespace, PIN_DAG, "Pin a champion, or take the pin off", PIN_TEXT, params) as dag:
        _change_pin()
    return dag


def _dag(namespace: str, dag_id: str, description: str, text: str, params: Any) -> DAG:
    return DAG(
        dag_id=named_in(namespace, dag_id),
        description=description,
        doc_md=text,
        schedule=None,
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        # it does nothing by itself: who triggers it means it
        is_paused_upon_creation=False,
        tags=tags_of(namespace, "nightshift", "operations"),
        params=params,
        default_args={**DEFAULT_ARGS, "owner": OWNER},
    )


@task(
    task_id="roll_back",
    multiple_outputs=False,
    execution_timeout=timedelta(minutes=30),
    outlets=[CHANGED_CHAMPION],
)
def _roll_back() -> dict[str, Any]:
    """Put the version of the form back in force, and tell the Dags that wait for the project's champion."""
    from include.operations.champion import roll_back

    context = get_current_context()
    with failures_for_airflow(context):
        refuse_unknown(context["dag_run"].conf, ROLLBACK_FIELDS)
        receipt = _receipt(roll_back(_act(context), context["params"]["version"] or ""))
    asset = champion_asset(receipt["project"], namespace_of(context["dag_run"].dag_id))
    told = {"version": receipt["after"], "ledger_number": receipt["ledger_number"]}
    context["outlet_events"][CHANGED_CHAMPION].add(asset, extra=told)
    return receipt


@task(task_id="change_pin", multiple_outputs=False, execution_timeout=timedelta(minutes=10))
def _change_pin() -> dict[str, Any]:
    """Pin the champion, or take the pin off."""
    from include.operations.champion import pin, unpin

    context = get_current_context()
    with failures_for_airflow(context):
        refuse_unknown(context["dag_run"].conf, PIN_FIELDS)
        change = {"pin": pin, "unpin": unpin}[context["params"]["action"]]
        return _receipt(change(_act(context)))


def _act(context: Any) -> Any:
    """Return what the form asks for; the moment is the run's, so that a retry finds what an earlier try has done."""
    from include.io.stores import open_store
    from include.operations.manual_action import ManualAction

    dag_run = context["dag_run"]
    settings = settings_of(dag_run.dag_id)
    name = load_project(settings.projects_dir, context["params"]["project"]).name
    reason = context["params"]["reason"]
    return ManualAction(
        open_store(settings.store_url), settings.tracking_url, name, reason, origin(dag_run), dag_run.run_after
    )


def _receipt(change: Any) -> dict[str, Any]:
    """Return what changed, in short.

    Raises:
        TrackingError: Pointer or alias does not follow; the retry sets them right, and acts no second time.
    """
    from include.domain.errors import TrackingError

    if change.behind:
        raise TrackingError(
            change.entry.project,
            f"version {change.after.version} is in force by ledger entry {change.entry.number}, and not all follow",
            got="; ".join(change.behind),
            hint=f"./nightshift reconcile {change.entry.project}",
        )
    return {
        "project": change.entry.project,
        "before": change.before.version if change.before else "",
        "after": change.after.version,
        "ledger_number": change.entry.number,
    }


# no project is called so: a name has no space
ALL = "all projects"
FIELDS = ("project", "dry_run")
TEXT = """\
# Retention

Removes what is older than `keep:` in `project.yaml` says, from the store and from MLflow. With *Dry run* it says what
would go, how many bytes and why, and removes nothing.

The champion, the champions a rollback can go back to, what is pinned, the newest judged versions, the rows these were
made from, the ledger, every decision and predictions stay, whatever their age, and so does all that was written within
the last 24 hours. A run that was killed is completed by the next.

The numbers are the task's XCom; each thing with its reason: `./nightshift retention PROJECT --dry-run --json`.
"""


def retention_dags() -> Iterator[DAG]:
    """Yield the retention Dag; none without a valid project."""
    projects = offered_projects()
    for settings in shown_settings():
        if projects and is_asked(named_in(settings.namespace, RETENTION_DAG)):
            yield build_retention_dag(projects, settings.namespace)


def build_retention_dag(projects: Sequence[str], namespace: str = "") -> DAG:
    """Return the Dag; one task instance for each project, so that one that fails does not stop the others."""
    with DAG(
        dag_id=named_in(namespace, RETENTION_DAG),
        description="Remove what is older than the projects keep; a dry run says what that is",
        doc_md=TEXT,
        schedule=None,
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        # it does nothing by itself, and a dry run is the form's default
        is_paused_upon_creation=False,
        tags=tags_of(namespace, "nightshift", "operations"),
        params=_params(projects),
        default_args={**DEFAULT_ARGS, "owner": OWNER},
    ) as dag:
        chosen: Any = _choose_projects()
        _retain.expand(project_name=chosen)
    return dag


def _params(projects: Sequence[str]) -> dict[str, Param]:
    return {
        "project": Param(
            ALL,
            type="string",
            enum=[ALL, *projects],
            title="Project",
            description_md="The project that is looked through.",
        ),
        "dry_run": Param(
            True,
            type="boolean",
            title="Dry run",
            description_md="Say what would go, how many bytes and why; remove nothing.",
        ),
    }


@task(task_id="choose_projects", multiple_outputs=False, execution_timeout=timedelta(minutes=2))
def _choose_projects() -> list[str]:
    """Return the names of the projects that the form asks for."""
    context = get_current_context()
    with failures_for_airflow(context):
        refuse_unknown(context["dag_run"].conf, FIELDS)
        asked, folder = context["params"]["project"], Settings.from_environment().projects_dir
        return sorted(discover(folder).projects) if asked == ALL else [load_project(folder, asked).name]


@task(
    task_id="retain",
    multiple_outputs=False,
    execution_timeout=timedelta(hours=1),
    map_index_template="{{ task.op_kwargs.project_name }}",
)
def _retain(project_name: str) -> dict[str, Any]:
    """Run retention for one project, and hand the numbers on."""
    from include.operations.retention.records import RetentionInputs
    from include.operations.retention.run import run

    context = get_current_context()
    with failures_for_airflow(context):
        settings = settings_of(context["dag_run"].dag_id)
        inputs = RetentionInputs(
            store_url=settings.store_url, tracking_url=settings.tracking_url, dry_run=context["params"]["dry_run"]
        )
        summary = run(load_project(settings.projects_dir, project_name), inputs).summary()
        plain: dict[str, Any] = summary.model_dump(mode="json")
        return plain
