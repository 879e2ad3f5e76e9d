"""Show broken projects in Airflow, without hiding the good ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from airflow.sdk import DAG

from include.config.discovery import discover
from include.config.project import Project
from include.config.settings import Settings
from include.domain.errors import DeclarationError, Problem
from include.domain.names import retrain_dag_id, score_dag_id
from include.orchestration.dag_building import building_problems
from include.orchestration.retrain import build_retrain_dag
from include.orchestration.score import build_score_dag


def raise_for_broken_projects() -> None:
    """Raise one error that lists every problem of every broken project; do nothing when all are valid.

    A project is broken whose folder has problems, and one whose Dags cannot be built.

    Raises:
        DeclarationError: With where, what, got, allowed and hint of each problem, a line each.
    """
    found = discover(Settings.from_environment().projects_dir)
    problems = [problem for name in sorted(found.broken) for problem in found.broken[name]]
    problems += [problem for project in found.projects.values() for problem in _problems_of_dags(project)]
    if problems:
        raise DeclarationError(problems)


def _problems_of_dags(project: Project) -> Iterator[Problem]:
    builds: dict[str, Callable[[], DAG]] = {retrain_dag_id(project.name): partial(build_retrain_dag, project)}
    if project.scoring is not None:
        builds[score_dag_id(project.name)] = partial(build_score_dag, project, project.scoring)
    yield from building_problems(project, builds)
