"""Find what the ledger says about an Airflow run, or about a project."""

from __future__ import annotations

from include.config.decision import LedgerEntry
from include.config.namespaces import split_name
from include.config.settings import Settings
from include.config.stages import PIN_DAG, RETENTION_DAG, ROLLBACK_DAG, retrain_dag_id, score_dag_id
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.stores import open_store

SUFFIXES = (retrain_dag_id(""), score_dag_id(""))


def project_of(dag_id: str) -> str:
    """Return the project's name of a retrain or score Dag of any namespace, or an empty string for any other Dag."""
    suffix = next((suffix for suffix in SUFFIXES if dag_id.endswith(suffix)), None)
    return split_name(dag_id)[1].removesuffix(suffix) if suffix else ""


def is_operation(dag_id: str) -> bool:
    """Tell whether a Dag acts on the project of its form (rollback, pin, retention) and decides nothing itself."""
    return split_name(dag_id)[1] in (ROLLBACK_DAG, PIN_DAG, RETENTION_DAG)


def decision_of_run(settings: Settings, dag_id: str, run_id: str) -> LedgerEntry | None:
    """Return the newest decision that a run wrote, or None when it has written none (yet).

    Raises:
        StoreError: The store does not answer.
    """
    project = project_of(dag_id)
    return Ledger(store_of(settings), project).of_run(dag_id, run_id) if project else None


def store_of(settings: Settings) -> ObjectStore:
    """Return the object store of the settings."""
    return open_store(settings.store_url)
