"""Make MLflow's database once a session: it takes seconds, and a copy of a file takes none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from include.io.tracking import prepare_tracking


@pytest.fixture(scope="session")
def prepared_tracking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared, empty database, to be copied and never used."""
    path = tmp_path_factory.mktemp("prepared_tracking") / "mlflow.db"
    prepare_tracking(f"sqlite:///{path}")
    return path


def copy_prepared(prepared: Path, folder: Path) -> str:
    """Copy the prepared database into `folder`, and return its address."""
    for path in prepared.parent.glob("mlflow.db*"):
        shutil.copy(path, folder / path.name)
    return f"sqlite:///{folder / prepared.name}"
