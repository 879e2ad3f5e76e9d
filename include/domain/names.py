"""Name stages, Dags and namespaces, once: Dags, commands, stores and reports all read the names from here."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Literal

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


Stage = Literal["plan", "ingest", "validate", "build_features", "train", "evaluate", "promote", "score"]
RETRAIN_STAGES: tuple[Stage, ...] = ("plan", "ingest", "validate", "build_features", "train", "evaluate", "promote")
SCORE_STAGES: tuple[Stage, ...] = ("ingest", "validate", "build_features", "score")
PREPARE_GROUP = "prepare"
# no stage: a person's part, between evaluate and promote
# Dags that act on the project of their form; they decide nothing themselves
ROLLBACK_DAG, PIN_DAG, RETENTION_DAG = "nightshift__rollback", "nightshift__pin", "nightshift__retention"
APPROVE_TASK = "approve"
TRAINING_POOL = "training"
# Airflow ends a training after it; one that is older on another machine is taken for dead
TRAIN_TIMEOUT = timedelta(hours=2)


def retrain_dag_id(project_name: str, namespace: str = "") -> str:
    """Return the id of a project's retrain Dag, in a namespace or outside all."""
    return named_in(namespace, f"{project_name}__retrain")


def score_dag_id(project_name: str, namespace: str = "") -> str:
    """Return the id of a project's score Dag, in a namespace or outside all."""
    return named_in(namespace, f"{project_name}__score")


def namespace_of(dag_id: str) -> str:
    """Return the namespace that the id of a Dag names, or an empty string."""
    return split_name(dag_id)[0]


def project_of(dag_id: str) -> str:
    """Return the project's name of a retrain or score Dag of any namespace, or an empty string for any other Dag."""
    suffix = next((suffix for suffix in (retrain_dag_id(""), score_dag_id("")) if dag_id.endswith(suffix)), None)
    return split_name(dag_id)[1].removesuffix(suffix) if suffix else ""


def training_pool(namespace: str = "") -> str:
    """Return the pool in which the trainings of a namespace wait for each other."""
    return named_in(namespace, TRAINING_POOL)


def asset_uri(name: str, kind: str) -> str:
    """Return the address of what a project's Dags make, as Airflow knows it.

    Args:
        name: The project; in a namespace `namespace.project`.
        kind: "features", "champion" or "predictions".
    """
    return f"nightshift://{name}/{kind}"
