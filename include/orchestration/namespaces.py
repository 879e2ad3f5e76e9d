"""Tell which namespaces Airflow shows, and the settings of the one that a Dag is of.

Only what parses the Dag files of a home reads which namespaces it has. Everything that belongs to a run is told by the
id of its Dag alone: a worker on another machine needs nothing but that.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow.sdk import get_parsing_context

from include.config.namespaces import named_in, registered
from include.config.settings import Settings
from include.config.stages import namespace_of


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
