"""Build the Dag by which a person has a project, or all, keep no more than is declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, get_current_context, task

from include.config.discovery import discover, load_project
from include.config.namespaces import named_in
from include.config.settings import Settings
from include.config.stages import RETENTION_DAG
from include.orchestration.namespaces import is_asked, settings_of, shown_settings, tags_of
from include.orchestration.params import refuse_unknown
from include.orchestration.retrain import DEFAULT_ARGS, START_DATE
from include.orchestration.stage_call import failures_for_airflow

# no project is called so: a name has no space
ALL = "all projects"
FIELDS = ("project", "dry_run")
OWNER = "nightshift"
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
    projects = sorted(discover(Settings.from_environment().projects_dir).projects)
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
    from include.operations.retention.result import RetentionInputs
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
