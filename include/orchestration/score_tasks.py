"""Be the tasks of a scoring that a retraining does not have; the others are those of `tasks`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.config.discovery import load_project
from include.config.settings import Settings
from include.config.stages import namespace_of
from include.orchestration.as_of import resolve_as_of
from include.orchestration.assets import predictions_asset
from include.orchestration.params import SCORE_FIELDS, refuse_unknown
from include.orchestration.stage_call import call_stage, failures_for_airflow
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
