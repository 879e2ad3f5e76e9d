"""Build the `<project>__score` Dag of a project that declares `scoring`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

from airflow.sdk import DAG
from daily_partition import DailyPartitionTimetable

from include.config.discovery import discover
from include.config.project import Project, Scoring
from include.config.settings import Settings
from include.config.stages import retrain_dag_id, score_dag_id
from include.orchestration import score_tasks, tasks
from include.orchestration.assets import predictions_asset
from include.orchestration.dag_building import built
from include.orchestration.namespaces import is_asked, shown_settings, tags_of
from include.orchestration.params import score_params
from include.orchestration.retrain import DEFAULT_ARGS, START_DATE, readme

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
    projects = discover(Settings.from_environment().projects_dir).projects
    for settings, project in product(shown_settings(), projects.values()):
        if project.scoring is not None and is_asked(score_dag_id(project.name, settings.namespace)):
            build = partial(build_score_dag, project, project.scoring, settings.namespace)
            yield from built(project, build)


def build_score_dag(project: Project, scoring: Scoring, namespace: str = "") -> DAG:
    """Return a project's score Dag: choose the day, prepare it, score it, tell who waits for it."""
    name = project.name
    with DAG(
        dag_id=score_dag_id(name, namespace),
        description=f"Score each day with the champion as of it. {project.description}",
        doc_md=DOC.format(name=name, retrain=retrain_dag_id(name, namespace)) + readme(project),
        schedule=DailyPartitionTimetable(scoring.schedule),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=True,
        # its file names it; where it is built only to be checked, it must not appear
        auto_register=False,
        tags=tags_of(namespace, "nightshift", name, project.problem, *project.tags),
        params=score_params(),
        default_args={**DEFAULT_ARGS, "owner": project.owner.name},
    ) as dag:
        # Any: a task's function is typed by what it is given when it runs; here it is wired with promises of that
        chosen: Any = score_tasks.choose_day(name)
        ingested: Any = tasks.ingest(name, days=chosen)
        validated: Any = tasks.validate(name, days=ingested)
        prepared: Any = tasks.build_features(name, days=validated)
        scored: Any = score_tasks.score(name)
        prepared >> scored
        score_tasks.announce_predictions.override(outlets=[predictions_asset(name, namespace)])(name, scored)
    return dag
