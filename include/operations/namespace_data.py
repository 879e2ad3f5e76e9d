"""Find what store and MLflow hold of a namespace, and remove it: all of it, and nothing else.

Airflow is not known here: include/airflow_client/namespace_dags.py has its Dags go before, so that nothing writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from include.domain.names import store_in, store_prefix
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking_removal import TrackedNamespaces

_EVERY = store_prefix("x").partition("x")[0]


@dataclass(frozen=True)
class NamespaceContents:
    """Say what there is of a namespace.

    Attributes:
        projects: Those with something in the store.
        champions: Version in force, by project.
        objects: How many objects the store has of it.
        size: Their bytes.
        experiments: MLflow's, deleted ones included.
        models: MLflow's registered models.
    """

    projects: tuple[str, ...] = ()
    champions: dict[str, str] = field(default_factory=dict)
    objects: int = 0
    size: int = 0
    experiments: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.objects or self.experiments or self.models)


def known_namespaces(store: ObjectStore, tracking_url: str) -> set[str]:
    """Return the namespaces that production's store, or MLflow, holds something of."""
    parts = {listed.key.partition("/")[0].removeprefix(_EVERY) for listed in store.list(_EVERY)}
    return parts | TrackedNamespaces(tracking_url).names()


def look(store: ObjectStore, tracking_url: str, namespace: str) -> NamespaceContents:
    """Return what there is of a namespace; nothing is no error.

    Args:
        store: Production's.
        tracking_url: MLflow's address.
        namespace: Its name.

    Raises:
        StoreError, TrackingError: The store or MLflow does not answer.
    """
    prefix = store_prefix(namespace)
    listed = list(store.list(prefix))
    projects = tuple(sorted({one.key.removeprefix(prefix).partition("/")[0] for one in listed}))
    inside = open_store(store_in(store.url, namespace))
    champions = {name: champion.version for name in projects if (champion := Ledger(inside, name).champion())}
    tracked = TrackedNamespaces(tracking_url)
    return NamespaceContents(
        projects=projects,
        champions=champions,
        objects=len(listed),
        size=sum(one.size for one in listed),
        experiments=tuple(tracked.experiments(namespace)),
        models=tuple(tracked.models(namespace)),
    )


def remove(
    store: ObjectStore, tracking_url: str, namespace: str, progress: Callable[[str], None] = lambda _: None
) -> None:
    """Remove all of a namespace from MLflow and from the store; again, or after a kill, it removes what is left.

    Args:
        store: Production's.
        tracking_url: MLflow's address.
        namespace: Its name.
        progress: Told what is being removed.

    Raises:
        StoreError, TrackingError: The store or MLflow does not answer.
    """
    progress("MLflow's experiments, runs and registered models")
    TrackedNamespaces(tracking_url).remove(namespace)
    progress("the objects of the store")
    store.clear(store_prefix(namespace))
