"""Find what the pages in Airflow's UI show of a project, in production or in a namespace."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails

from include.config.discovery import discover, is_project_name
from include.config.errors import Problem, StoreError
from include.config.namespaces import named_in, registered
from include.config.settings import Settings
from include.config.stages import retrain_dag_id
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.orchestration.decisions import store_of
from include.orchestration.pages import ProjectLine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownProject:
    """Be a project as the pages show it: its text is the part of an address that names it, `namespace.project`."""

    name: str
    namespace: str
    store: ObjectStore

    @classmethod
    def of(cls, settings: Settings, name: str) -> ShownProject:
        """Return a project in the namespace of the settings."""
        return cls(name, settings.namespace, store_of(settings))

    @property
    def ledger(self) -> Ledger:
        """Return its ledger."""
        return Ledger(self.store, self.name)

    def __str__(self) -> str:
        return named_in(self.namespace, self.name)


def is_known(projects_dir: Path, name: str) -> bool:
    """Tell whether a folder is that project's, whether or not it is broken now: what was decided stays to be seen."""
    found = discover(projects_dir)
    return name in found.projects or (name in found.broken and is_project_name(name))


def project_lines(user: Any) -> list[ProjectLine]:
    """Return every project that a user may see, with champion and newest decision, and with what is wrong with it.

    All those of production (or of the environment's own namespace) come first; then those of the home's namespaces
    that have decided something.
    """
    own = Settings.from_environment()
    lines = [_line(*shown) for shown in _allowed(own, user)]
    for namespace in registered(own.home):
        if namespace != own.namespace:
            there = [_line(*shown) for shown in _allowed(own.in_namespace(namespace), user)]
            lines += [line for line in there if line.last is not None]
    return lines


def _allowed(settings: Settings, user: Any) -> Iterator[tuple[ShownProject, tuple[Problem, ...]]]:
    found = discover(settings.projects_dir)
    broken = {name: problems for name, problems in found.broken.items() if is_project_name(name)}
    for name, problems in sorted({**dict.fromkeys(found.projects, ()), **broken}.items()):
        details = DagDetails(id=retrain_dag_id(name, settings.namespace))
        if get_auth_manager().is_authorized_dag(method="GET", details=details, user=user):
            yield ShownProject.of(settings, name), problems


def _line(shown: ShownProject, broken: tuple[Problem, ...]) -> ProjectLine:
    """Return a project's line; a damaged ledger is its own problem, a store that does not answer is everybody's."""
    problems = tuple(map(str, broken))
    try:
        ledger = shown.ledger
        now, last = ledger.in_force(), ledger.newest_night()
    except StoreError:
        raise
    except Exception as error:
        log.exception("the ledger of %s cannot be read", shown)
        return ProjectLine(str(shown), None, None, (*problems, str(error) or type(error).__name__))
    return ProjectLine(str(shown), now, last, problems)
