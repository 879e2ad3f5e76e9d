"""Give every test a home of its own: nothing is read from or written to the checkout's state."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.object_server", "tests.support.tracking", "tests.support.played_nights"]

ROOT = Path(__file__).resolve().parents[1]
_SESSION_HOME = Path(tempfile.mkdtemp(prefix="nightshift-tests-"))

# before the first Airflow import: it reads its configuration once
os.environ["AIRFLOW_HOME"] = str(_SESSION_HOME / "airflow")
os.environ["NIGHTSHIFT_HOME"] = str(_SESSION_HOME)
_SET_BY_USERS = ("NIGHTSHIFT_STORE", "NIGHTSHIFT_TRACK", "NIGHTSHIFT_NAMESPACE", "NIGHTSHIFT_LANDING", "AIRFLOW__")
for _name in [name for name in os.environ if name.startswith(_SET_BY_USERS)]:
    del os.environ[_name]
os.environ.update(
    {
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-tests-" * 5,
    }
)
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that wait for a real scheduler among the others, so that not all processes wait at once."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [file for file in files if file.parent.name == "e2e"]
    order = [file for file in files if file not in waiting]
    between = len(order) // (len(waiting) + 1)
    for number, file in enumerate(waiting):
        order.insert(number * (between + 1), file)
    items[:] = [item for file in order for item in files[file]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fresh NIGHTSHIFT_HOME for one test."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    return tmp_path
