"""Find what the pages in Airflow's UI show of a project, in production or in a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails

from include.config.decision import LedgerEntry
from include.config.discovery import discover
from include.config.namespaces import named_in, registered
from include.config.settings import Settings
from include.config.stages import retrain_dag_id
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.standing import InForce
from include.orchestration.decisions import store_of


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


def project_lines(user: Any) -> list[tuple[str, InForce, LedgerEntry | None]]:
    """Return every project that a user may see, with champion and newest decision.

    All those of production (or of the environment's own namespace) come first; then those of the home's namespaces
    that have decided something.
    """
    own = Settings.from_environment()
    lines = [_line(shown) for shown in _allowed(own, user)]
    for namespace in registered(own.home):
        if namespace != own.namespace:
            there = [_line(shown) for shown in _allowed(own.in_namespace(namespace), user)]
            lines += [line for line in there if line[2] is not None]
    return lines


def _allowed(settings: Settings, user: Any) -> Iterator[ShownProject]:
    for name in discover(settings.projects_dir).projects:
        details = DagDetails(id=retrain_dag_id(name, settings.namespace))
        if get_auth_manager().is_authorized_dag(method="GET", details=details, user=user):
            yield ShownProject.of(settings, name)


def _line(shown: ShownProject) -> tuple[str, InForce, LedgerEntry | None]:
    return str(shown), shown.ledger.in_force(), next(iter(shown.ledger.newest(1)), None)
