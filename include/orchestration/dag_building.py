"""Build each project's Dags so that one that cannot be built hides no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import extract_tb

from airflow.sdk import DAG, get_parsing_context

from include.config.errors import NightshiftError, Problem
from include.config.project import Project

log = logging.getLogger(__name__)


def built(project: Project, build: Callable[[], DAG]) -> Iterator[DAG]:
    """Yield what `build` gives, or nothing when it fails: one exception in a Dag file removes the Dags of all projects.

    dags/broken_projects.py says why a Dag is not there. In a task's process, which wants this one Dag, it fails.
    """
    try:
        dag = build()
    except Exception as error:
        if get_parsing_context().dag_id is not None:
            raise
        log.warning("%s", _problem(project, error))
        return
    yield dag


def building_problems(project: Project, builds: list[Callable[[], DAG]]) -> Iterator[Problem]:
    """Yield why each of a project's Dags that cannot be built cannot."""
    for build in builds:
        try:
            build()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this project's problem
            yield _problem(project, error)


def _problem(project: Project, error: Exception) -> Problem:
    if isinstance(error, NightshiftError):
        return error.problem
    last = extract_tb(error.__traceback__)[-1]
    got = f"{type(error).__name__}: {error}, at {Path(last.filename).name}:{last.lineno}"
    return Problem(f"{project.name}/", "its Dag cannot be built", got, hint="the other projects' Dags are there")
