"""Name the stages and their order once: Dags, the command line and reports all read them from here."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from include.domain.namespaces import named_in, split_name

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
