"""Be the tasks of a retraining: each calls one stage and hands its receipt on.

Task ids are the stages' names. Tasks are given the project's name, and receipts as plain dictionaries by XCom.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from include.config.discovery import load_project
from include.config.sections import mode_in_force
from include.domain.names import TRAIN_TIMEOUT, TRAINING_POOL, namespace_of
from include.orchestration.dag_building import champion_asset, features_asset, settings_of
from include.orchestration.params import promotion_mode, refuse_unknown
from include.orchestration.stage_call import call_stage, failures_for_airflow

PLAN_KEY = "plan"
RESULT_KEY = "return_value"
# what the UI calls an instance of a mapped task, from its start on
DAYS_LABEL = (
    "{% set days = task.op_kwargs.days %}{{ days[0] }}"
    "{% if days | length > 1 %} to {{ days[-1] }} ({{ days | length }} days){% endif %}"
)
CANDIDATE_LABEL = "{{ task.op_kwargs.candidate }}"


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=10))
def plan(project_name: str) -> list[list[str]]:
    """Decide which days the run uses, and return the batches of days that must be prepared first."""
    context = get_current_context()
    with failures_for_airflow(context):
        refuse_unknown(context["dag_run"].conf)
        project = load_project(settings_of(context["dag_run"].dag_id).projects_dir, project_name)
        # the form was made from the declaration of then, and the one of now counts
        mode_in_force(project_name, project.promotion.mode, promotion_mode(context["params"]))
    window_days = context["params"]["window_days"]
    result = call_stage("plan", project_name, window_days=window_days, batches=batches())
    plain = result.model_dump(mode="json")
    context["ti"].xcom_push(PLAN_KEY, plain)
    return plain["batches"]


@task(multiple_outputs=False, execution_timeout=timedelta(hours=1), map_index_template=DAYS_LABEL)
def ingest(project_name: str, days: list[str]) -> list[str]:
    """Snapshot the raw data of a batch of days, and hand the days on."""
    call_stage("ingest", project_name, days=days)
    return days


@task(multiple_outputs=False, execution_timeout=timedelta(hours=1), map_index_template=DAYS_LABEL)
def validate(project_name: str, days: list[str]) -> list[str]:
    """Check the batch against the project's expectations, and hand the days on."""
    call_stage("validate", project_name, days=days)
    return days


@task(multiple_outputs=False, execution_timeout=timedelta(hours=1), map_index_template=DAYS_LABEL)
def build_features(project_name: str, days: list[str]) -> dict[str, Any]:
    """Build the features of the batch."""
    return call_stage("build_features", project_name, days=days).model_dump(mode="json")


@task(
    multiple_outputs=False,
    execution_timeout=TRAIN_TIMEOUT,
    pool=TRAINING_POOL,
    # no stale day: the batches are skipped, and training goes on with what is there
    trigger_rule="none_failed",
    map_index_template=CANDIDATE_LABEL,
)
def train(project_name: str, candidate: str, plan: dict[str, Any]) -> dict[str, Any]:
    """Train one declared candidate."""
    return call_stage("train", project_name, candidate=candidate, plan=plan).model_dump(mode="json")


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=30))
def evaluate(project_name: str, plan: dict[str, Any], trained: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the best candidate and the champion on the same holdout."""
    mode = promotion_mode(get_current_context()["params"])
    result = call_stage("evaluate", project_name, plan=plan, trained=list(trained), promotion_mode=mode)
    return result.model_dump(mode="json")


# nobody is asked on most nights: approve is skipped, and promote goes on
@task(multiple_outputs=False, execution_timeout=timedelta(minutes=10), trigger_rule="none_failed")
def promote(project_name: str, evaluated: dict[str, Any], approval: dict[str, Any] | None = None) -> dict[str, Any]:
    """Record the decision; on PROMOTE make the candidate champion, on HOLD skip what depends on a new one."""
    result = call_stage("promote", project_name, evaluated=evaluated, approval=approval)
    plain: dict[str, Any] = result.model_dump(mode="json")
    if result.verdict == "HOLD":
        # a skipped task hands nothing on by itself
        get_current_context()["ti"].xcom_push(RESULT_KEY, plain)
        raise AirflowSkipException(f"HOLD: {result.reason} (ledger entry {result.ledger_number})")
    return plain


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=2), trigger_rule="none_failed")
def announce_features(project_name: str, plan: dict[str, Any]) -> None:
    """Tell the Dags that wait for this project's features, once a run and only when there are new ones."""
    stay_silent_in_a_backfill()
    if not plan["stale"]:
        raise AirflowSkipException("no day was prepared")
    context = get_current_context()
    asset = features_asset(project_name, namespace_of(context["dag_run"].dag_id))
    context["outlet_events"][asset].extra = {"days": plan["stale"], "last": plan["holdout"]["last"]}


@task(multiple_outputs=False, execution_timeout=timedelta(minutes=2))
def announce_champion(project_name: str, promoted: dict[str, Any]) -> None:
    """Tell the Dags that wait for this project's champion that there is a new one."""
    stay_silent_in_a_backfill()
    context = get_current_context()
    asset = champion_asset(project_name, namespace_of(context["dag_run"].dag_id))
    context["outlet_events"][asset].extra = {
        "version": promoted["champion_version"],
        "ledger_number": promoted["ledger_number"],
    }


def batches() -> int:
    """Return how many batches the stale days are spread over: as many as can be prepared at once here."""
    return max(2, min(os.cpu_count() or 2, 8))


def stay_silent_in_a_backfill() -> None:
    """Skip in a backfill: it would trigger what waits for the asset once for every day, in any order."""
    if get_current_context()["dag_run"].run_type == "backfill":
        raise AirflowSkipException("a backfill announces nothing")
