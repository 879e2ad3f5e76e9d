"""Read MLflow's addresses: the one of its server or database, and those under which runs keep their files.

A server that is spoken with by http serves the runs' files itself, out of the root of the object store
(`mlflow server --artifacts-destination <store>`): the processes that train need no way to the store for them, and a key
is the same whether a run names it `mlflow-artifacts:/KEY` or `<store>/KEY`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from include.config.namespaces import split_tracking, store_prefix
from include.io.keys import tracking_artifacts

SERVED = "mlflow-artifacts"


def artifact_location(tracking_url: str, project: str, artifact_root: str) -> str:
    """Return where a project's experiment keeps its files.

    Args:
        tracking_url: As `Settings` has it, with the namespace.
        project: The project's name.
        artifact_root: Address in the object store, for processes that write there themselves.
    """
    address, namespace = split_tracking(tracking_url)
    if urlsplit(address).scheme not in ("http", "https"):
        return artifact_root
    return f"{SERVED}:/{store_prefix(namespace)}{tracking_artifacts(project)}"


def is_below(artifact_uri: str, *locations: str) -> bool:
    """Tell whether a run's files are in one of the `locations`; a served address may name its server."""
    found = urlsplit(artifact_uri)
    plain = f"{SERVED}:{found.path}" if found.scheme == SERVED else artifact_uri
    return any(plain.startswith(f"{location}/") for location in locations)
