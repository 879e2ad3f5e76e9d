"""Build each project's Dags so that one that cannot be built hides no other; name their assets and namespaces."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from traceback import extract_tb

from airflow.sdk import DAG, Asset, AssetAlias, Param, get_parsing_context
from airflow.sdk.definitions.param import ParamsDict
from daily_partition import DailyPartitionTimetable

from include.config.discovery import discover, is_project_folder, is_project_name, project_folders, read_project
from include.config.project import Project
from include.config.settings import Settings
from include.domain.errors import NightshiftError, Problem
from include.domain.names import asset_uri, named_in, namespace_of, project_of, registered

log = logging.getLogger(__name__)
# what this process has built, with the project it is of (one that has changed is another object): a Dag that was
# built only to be checked, for whoever wants it next, or None once its file has it
_BUILT: dict[str, tuple[Project, DAG | None]] = {}


def wanted_projects() -> list[Project]:
    """Return the valid projects, by name; in a task's process that of the task, and no other is read.

    Raises:
        DeclarationError: In a task's process: its project is broken by now.
    """
    folder, asked = Settings.from_environment().projects_dir, get_parsing_context().dag_id
    if asked is None:
        return list(discover(folder).projects.values())
    name = project_of(asked)
    return [read_project(folder / name)] if name and is_project_folder(folder, name) else []


def offered_projects() -> list[str]:
    """Return the names of the valid projects, for a form; in a task's process, which has its answer, those of all."""
    folder = Settings.from_environment().projects_dir
    if get_parsing_context().dag_id is None:
        return sorted(discover(folder).projects)
    return [there.name for there in project_folders(folder) if is_project_name(there.name)]


def built(dag_id: str, project: Project, build: Callable[[], DAG]) -> Iterator[DAG]:
    """Yield what `build` gives, or nothing when it fails: one exception in a Dag file removes the Dags of all projects.

    dags/broken_projects.py says why a Dag is not there. In a task's process, which wants this one Dag, it fails.
    """
    of, dag = _BUILT.pop(dag_id, (None, None))
    try:
        if of is not project or dag is None:
            dag = build()
    except Exception as error:
        if get_parsing_context().dag_id is not None:
            raise
        log.warning("%s", _problem(project, error))
        return
    _BUILT[dag_id] = (project, None)
    yield dag


def building_problems(project: Project, builds: Mapping[str, Callable[[], DAG]]) -> Iterator[Problem]:
    """Yield why each of a project's Dags, by id, that cannot be built cannot."""
    for dag_id, build in builds.items():
        if dag_id in _BUILT and _BUILT[dag_id][0] is project:
            continue
        try:
            _BUILT[dag_id] = (project, build())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this project's problem
            yield _problem(project, error)


def _problem(project: Project, error: Exception) -> Problem:
    if isinstance(error, NightshiftError):
        return error.problem
    last = extract_tb(error.__traceback__)[-1]
    got = f"{type(error).__name__}: {error}, at {Path(last.filename).name}:{last.lineno}"
    return Problem(f"{project.name}/", "its Dag cannot be built", got, hint="the other projects' Dags are there")


def give_form(dag: DAG, fields: Mapping[str, Param]) -> None:
    """Give a Dag the fields of its form, after its tasks, each of which would be given a copy of them.

    A run reads the Dag's. Airflow would hold the schema of every field to the schema of schemas, a fifth of building a
    Dag; tests do that.
    """
    object.__setattr__(dag, "params", ParamsDict(fields))


@cache
def nightly(schedule: str) -> DailyPartitionTimetable:
    """Return the timetable of a schedule; Airflow describes it in words each time one is made."""
    return DailyPartitionTimetable(schedule)


def settings_of(dag_id: str) -> Settings:
    """Return the settings of the namespace that a Dag is of."""
    return Settings.from_environment().in_namespace(namespace_of(dag_id))


def shown_settings() -> Iterator[Settings]:
    """Yield the settings of each namespace whose Dags are wanted; in a task's process only that of the task.

    They are those of the environment's own namespace, or of none, and of every namespace registered in the home.
    """
    asked, own = get_parsing_context().dag_id, Settings.from_environment()
    if asked is not None:
        yield own.in_namespace(namespace_of(asked))
        return
    yield own
    for name in registered(own.home):
        if name != own.namespace:
            yield own.in_namespace(name)


def is_asked(dag_id: str) -> bool:
    """Tell whether a Dag is wanted: all are, but in a task's process only its own."""
    return get_parsing_context().dag_id in (None, dag_id)


def tags_of(namespace: str, *tags: str) -> list[str]:
    """Return the tags of a Dag; the first one of a namespace is its name."""
    return [*([f"namespace {namespace}"] if namespace else []), *tags]


def shown_name(dag_id: str, project: str) -> str:
    """Return what a run's project is called to people: in a namespace it says which."""
    return named_in(namespace_of(dag_id), project)


GROUP = "nightshift"
# what a Dag that acts on the project of its form changes is known only when it runs
CHANGED_CHAMPION = AssetAlias("nightshift__changed_champion", group=GROUP)


def features_asset(project_name: str, namespace: str = "") -> Asset:
    """Return the asset of a project's feature partitions: changed when a night has prepared new days."""
    return _asset(named_in(namespace, project_name), "features")


def champion_asset(project_name: str, namespace: str = "") -> Asset:
    """Return the asset of a project's champion: changed when a model is promoted, or put back."""
    return _asset(named_in(namespace, project_name), "champion")


def predictions_asset(project_name: str, namespace: str = "") -> Asset:
    """Return the asset of a project's predictions: changed when a day is scored, or scored anew."""
    return _asset(named_in(namespace, project_name), "predictions")


def _asset(name: str, kind: str) -> Asset:
    return Asset(f"{name}__{kind}", uri=asset_uri(name, kind), group=GROUP)
