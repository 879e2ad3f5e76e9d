"""Name the namespaces of a home: runs kept apart from production, and from each other, by one short name.

Everything that a run makes carries the name: keys of the store, names in MLflow, Dags, assets and the pool. A name has
no "." and no "=", and no project has either, so nothing of one namespace can be meant by a name of another.
"""

from __future__ import annotations

import re
from pathlib import Path

from include.domain.errors import SettingsError

VARIABLE = "NIGHTSHIFT_NAMESPACE"
NAMESPACE_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"
FOLDER = "namespaces"
# no namespace is called so: what is being removed is not parsed, and not forgotten before all of it is gone
REMOVING = ".removing"
_MARK = "namespace="


def check_namespace(name: str, where: str = f"environment variable {VARIABLE}") -> str:
    """Return `name` when it may name a namespace, or is empty (none).

    Raises:
        SettingsError: It may not.
    """
    if name and not re.fullmatch(NAMESPACE_PATTERN, name):
        raise SettingsError(
            where,
            "not the name of a namespace",
            got=repr(name),
            allowed=("1 to 32 of a-z, 0-9 and '-', not at either end",),
            hint="such as pr-123",
        )
    return name


def named_in(namespace: str, name: str) -> str:
    """Return what `name` (a project, a pool, the id of a Dag) is called in a namespace; empty is production."""
    return f"{namespace}.{name}" if namespace else name


def split_name(name: str) -> tuple[str, str]:
    """Return the namespace and the rest of what `named_in` made; of any other name, no namespace and all of it."""
    namespace, dot, rest = name.partition(".")
    return (namespace, rest) if dot and re.fullmatch(NAMESPACE_PATTERN, namespace) else ("", name)


def store_prefix(namespace: str) -> str:
    """Return what the keys of a namespace begin with in production's store."""
    return f"{_MARK}{namespace}/" if namespace else ""


def store_in(store_url: str, namespace: str) -> str:
    """Return the address of a namespace's part of a store."""
    return f"{store_url.rstrip('/')}/{_MARK}{namespace}" if namespace else store_url


def split_prefix(key: str) -> tuple[str, str]:
    """Return the namespace that a key of production's store begins with, or an empty string, and the rest of it."""
    first, slash, rest = key.partition("/")
    found = slash and first.startswith(_MARK)
    return (first.removeprefix(_MARK), rest) if found else ("", key)


def tracking_in(tracking_url: str, namespace: str) -> str:
    """Return MLflow's address with the namespace as its fragment: whoever is given the address is told both."""
    return f"{tracking_url}#{_MARK}{namespace}" if namespace else tracking_url


def split_tracking(tracking_url: str) -> tuple[str, str]:
    """Return MLflow's own address, and the namespace in it or an empty string."""
    address, hash_sign, namespace = tracking_url.rpartition(f"#{_MARK}")
    return (address, namespace) if hash_sign else (tracking_url, "")


def registered(home: Path) -> tuple[str, ...]:
    """Return the namespaces whose Dags Airflow shows beside production's, in order."""
    return tuple(name for name in _files(home) if re.fullmatch(NAMESPACE_PATTERN, name))


def being_removed(home: Path) -> tuple[str, ...]:
    """Return the namespaces whose removal has begun and not ended."""
    return tuple(name.removesuffix(REMOVING) for name in _files(home) if name.endswith(REMOVING))


def register(home: Path, namespace: str) -> bool:
    """Have Airflow show the Dags of a namespace; tell whether it did not before.

    Raises:
        SettingsError: Its removal has begun and not ended.
    """
    if namespace in being_removed(home):
        raise SettingsError(
            f"namespace {namespace}",
            "it is being removed",
            hint=f"./nightshift namespace rm {namespace} ends that, and the name is free again",
        )
    place = home / FOLDER / namespace
    place.parent.mkdir(parents=True, exist_ok=True)
    known = place.exists()
    place.touch()
    return not known


def begin_removal(home: Path, namespace: str) -> None:
    """Take a namespace's Dags out of Airflow's sight, and remember that all of it goes."""
    place = home / FOLDER / namespace
    place.parent.mkdir(parents=True, exist_ok=True)
    place.with_name(namespace + REMOVING).touch()
    place.unlink(missing_ok=True)


def end_removal(home: Path, namespace: str) -> None:
    """Forget a namespace, of which nothing is left."""
    (home / FOLDER / (namespace + REMOVING)).unlink(missing_ok=True)


def _files(home: Path) -> list[str]:
    try:
        return sorted(path.name for path in (home / FOLDER).iterdir())
    except FileNotFoundError:
        return []
