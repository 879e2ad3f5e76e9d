"""Build the `<project>__retrain` Dag of a project."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Any

from airflow.sdk import DAG, XComArg, task_group

from include.config.project import Project
from include.config.project_folder import README, read_text
from include.domain.errors import Problem
from include.domain.names import PREPARE_GROUP, retrain_dag_id, training_pool
from include.orchestration import tasks
from include.orchestration.approval import ask_for_approval
from include.orchestration.dag_building import (
    built,
    champion_asset,
    features_asset,
    give_form,
    is_asked,
    nightly,
    shown_settings,
    tags_of,
    wanted_projects,
)
from include.orchestration.params import retrain_params
from include.orchestration.stage_call import DEFAULT_ARGS

# far enough back for every backfill: Airflow runs no task of a day before it, and calls that a success
START_DATE = datetime(2012, 1, 1, tzinfo=UTC)
# a person's own runs, and the night that is at work, while questions of other nights are open
RUNS_BESIDE_QUESTIONS = 8


def retrain_dags() -> Iterator[DAG]:
    """Yield the retrain Dag of every valid project, in each namespace; in a task's process only the Dag of that task.

    A broken project is left out here and reported by dags/broken_projects.py.
    """
    for settings, project in product(shown_settings(), wanted_projects()):
        dag_id = retrain_dag_id(project.name, settings.namespace)
        if is_asked(dag_id):
            yield from built(dag_id, project, partial(build_retrain_dag, project, settings.namespace))


def build_retrain_dag(project: Project, namespace: str = "") -> DAG:
    """Return a project's retrain Dag: plan, prepare the stale days, train the candidates, evaluate, ask, promote."""
    with DAG(
        dag_id=retrain_dag_id(project.name, namespace),
        description=project.description,
        doc_md=readme(project),
        schedule=nightly(project.schedule),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=runs_at_once(project),
        is_paused_upon_creation=True,
        # its file names it; where it is built only to be checked, it must not appear
        auto_register=False,
        tags=tags_of(namespace, "nightshift", project.name, project.problem, *project.tags),
        default_args={**DEFAULT_ARGS, "owner": project.owner.name},
    ) as dag:
        _wire(project, namespace)
    give_form(dag, retrain_params(project))
    return dag


def runs_at_once(project: Project) -> int:
    """Return how many runs may be open: one, but where a person is asked a waiting night must not hold up the next."""
    promotion = project.promotion
    if promotion.mode != "approval":
        return 1
    nights_that_wait = math.ceil(promotion.approval.timeout_hours / 24)
    return max(nights_that_wait + RUNS_BESIDE_QUESTIONS, 16)


def _wire(project: Project, namespace: str) -> None:
    name = project.name
    # Any: a task's function is typed by what it is given when it runs; here it is wired with promises of that
    planned: Any = tasks.plan(name)
    the_plan: Any = XComArg(planned.operator, key=tasks.PLAN_KEY)

    @task_group(group_id=PREPARE_GROUP, prefix_group_id=False)
    def prepare(days: Any) -> None:
        """Prepare one batch of stale days."""
        # by keyword: the labels in the UI are made from the days
        ingested: Any = tasks.ingest(name, days=days)
        validated: Any = tasks.validate(name, days=ingested)
        tasks.build_features(name, days=validated)

    prepared: Any = prepare.expand(days=planned)
    trained: Any = _trained(project, the_plan, namespace)
    prepared >> trained
    evaluated: Any = tasks.evaluate(name, the_plan, trained)
    asked: Any = ask_for_approval(project, evaluated)
    promoted: Any = tasks.promote(name, evaluated, asked.output)

    announced = tasks.announce_features.override(outlets=[features_asset(name, namespace)])(name, the_plan)
    prepared >> announced
    tasks.announce_champion.override(outlets=[champion_asset(name, namespace)])(name, promoted)


def _trained(project: Project, plan: Any, namespace: str) -> Any:
    """Return what the candidates' trainings hand on: tasks of the workers, or containers where an image is declared."""
    if project.training.image is not None:
        # the provider is loaded only for a project that needs it
        from include.orchestration.training_container import train_in_container

        return train_in_container(project, plan, namespace)
    train: Any = tasks.train.override(pool=training_pool(namespace)).partial(project_name=project.name, plan=plan)
    return train.expand(candidate=[candidate.name for candidate in project.candidates])


def readme(project: Project) -> str:
    """Return what a project's folder says about it."""
    text = read_text(project.folder / README, f"{project.name}/{README}", "")
    # Airflow takes a text that ends in .md for the name of a file, and opens it
    return project.description if isinstance(text, Problem) else f"{text.rstrip()}\n"
