"""Build the `<project>__score` Dag of a project that declares `scoring`, and the tasks only it has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from itertools import product
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.config.discovery import load_project
from include.config.project import Project, Scoring
from include.config.settings import Settings
from include.domain.names import namespace_of, retrain_dag_id, score_dag_id
from include.orchestration import tasks
from include.orchestration.dag_building import (
    built,
    give_form,
    is_asked,
    nightly,
    predictions_asset,
    shown_settings,
    tags_of,
    wanted_projects,
)
from include.orchestration.params import SCORE_FIELDS, refuse_unknown, resolve_as_of, score_params
from include.orchestration.retrain import START_DATE, readme
from include.orchestration.stage_call import DEFAULT_ARGS, call_stage, failures_for_airflow
from include.orchestration.tasks import RESULT_KEY, stay_silent_in_a_backfill


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=2))
def choose_day(project_name: str) -> list[str]:
    """Tell which day is scored, as a batch of one day for the tasks that prepare it."""
    context = get_current_context()
    with failures_for_airflow(context):
        refuse_unknown(context["dag_run"].conf, SCORE_FIELDS)
        day: date = resolve_as_of(context)
        project = load_project(Settings.from_environment().projects_dir, project_name)
    if day in project.window.excluded:
        raise AirflowSkipException(f"{day} is excluded by window.excluded: nothing is scored")
    return [day.isoformat()]


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=30))
def score(project_name: str) -> dict[str, Any]:
    """Score the day with the champion as of it; before the first champion, skip and say so."""
    context = get_current_context()
    result = call_stage("score", project_name, hindsight=context["params"]["hindsight"])
    plain: dict[str, Any] = result.model_dump(mode="json")
    if result.skipped:
        # a skipped task hands nothing on by itself
        context["ti"].xcom_push(RESULT_KEY, plain)
        raise AirflowSkipException(result.skipped)
    return plain


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=2))
def announce_predictions(project_name: str, scored: dict[str, Any]) -> None:
    """Tell the Dags that wait for this project's predictions that there are new ones."""
    stay_silent_in_a_backfill()
    if not scored["written"]:
        raise AirflowSkipException(f"the predictions for {scored['day']} were there already")
    context = get_current_context()
    asset = predictions_asset(project_name, namespace_of(context["dag_run"].dag_id))
    context["outlet_events"][asset].extra = {
        "day": scored["day"],
        "version": scored["version"],
        "rows": scored["rows"],
        "hindsight": scored["hindsight"],
    }


DOC = """\
# Scoring {name}

Gives every row of day D, labelled or not, the champion's probability. D is the run's partition: the day before a
nightly run, any day of a backfill, or the form's `as_of`.

- The model is the champion **as of D** by the ledger: never one of later data, unless `hindsight` asks for it, and
  then the predictions say so. A day before the first champion is skipped, and the run is green.
- Predictions in force change only forward: a late run, a repeated one or a backfill leaves those of a newer champion.
- They lie in the store under `{name}/predictions/date=D/`: `manifest.json` names the file in force, the version of
  the model, and what both are made from.

Champions come from `{retrain}`.

---

"""


def score_dags() -> Iterator[DAG]:
    """Yield the score Dag of every valid project that declares scoring, in each namespace.

    In a task's process only that of the task.
    """
    for settings, project in product(shown_settings(), wanted_projects()):
        dag_id = score_dag_id(project.name, settings.namespace)
        if project.scoring is not None and is_asked(dag_id):
            build = partial(build_score_dag, project, project.scoring, settings.namespace)
            yield from built(dag_id, project, build)


def build_score_dag(project: Project, scoring: Scoring, namespace: str = "") -> DAG:
    """Return a project's score Dag: choose the day, prepare it, score it, tell who waits for it."""
    name = project.name
    with DAG(
        dag_id=score_dag_id(name, namespace),
        description=f"Score each day with the champion as of it. {project.description}",
        doc_md=DOC.format(name=name, retrain=retrain_dag_id(name, namespace)) + readme(project),
        schedule=nightly(scoring.schedule),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=True,
        # its file names it; where it is built only to be checked, it must not appear
        auto_register=False,
        tags=tags_of(namespace, "nightshift", name, project.problem, *project.tags),
        default_args={**DEFAULT_ARGS, "owner": project.owner.name},
    ) as dag:
        # Any: a task's function is typed by what it is given when it runs; here it is wired with promises of that
        chosen: Any = choose_day(name)
        ingested: Any = tasks.ingest(name, days=chosen)
        validated: Any = tasks.validate(name, days=ingested)
        prepared: Any = tasks.build_features(name, days=validated)
        scored: Any = score(name)
        prepared >> scored
        announce_predictions.override(outlets=[predictions_asset(name, namespace)])(name, scored)
    give_form(dag, score_params())
    return dag
