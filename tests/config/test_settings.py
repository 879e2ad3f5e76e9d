"""Settings come from the environment alone, with everything below one home."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from include.config.settings import ROOT, Settings, git_commit, lock_hash
from include.domain.errors import SettingsError


def test_all_state_is_below_the_home(tmp_path: Path) -> None:
    settings = Settings.from_environment({"NIGHTSHIFT_HOME": str(tmp_path)})

    assert settings.home == tmp_path
    assert settings.store_url == f"file://{tmp_path}/store"
    assert settings.tracking_url == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert settings.projects_dir == ROOT / "include" / "projects"
    assert settings.ports_chosen == frozenset()


def test_without_a_home_it_is_in_the_checkout() -> None:
    assert Settings.from_environment({}).home == ROOT / ".nightshift"


def test_variables_replace_addresses_and_ports(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "NIGHTSHIFT_HOME": str(tmp_path),
            "NIGHTSHIFT_PROJECTS": str(tmp_path / "projects"),
            "NIGHTSHIFT_STORE_URL": "s3://bucket/prefix",
            "NIGHTSHIFT_TRACKING_URL": "http://mlflow:5000",
            "NIGHTSHIFT_AIRFLOW_PORT": "9090",
        }
    )

    assert settings.projects_dir == tmp_path / "projects"
    assert (settings.store_url, settings.tracking_url) == ("s3://bucket/prefix", "http://mlflow:5000")
    assert settings.airflow_port == 9090
    assert settings.ports_chosen == {"airflow_port"}


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "80.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"NIGHTSHIFT_MLFLOW_PORT": port})

    expected = f"environment variable NIGHTSHIFT_MLFLOW_PORT: a port is needed; got: {port!r}; allowed: 1-65535"
    assert str(caught.value) == expected


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = Settings.from_environment({"NIGHTSHIFT_HOME": str(tmp_path)})

    with pytest.raises(ValidationError, match="Instance is frozen"):
        settings.airflow_port = 1  # type: ignore[misc]


def test_the_commit_is_given_or_read_or_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTSHIFT_GIT_COMMIT", raising=False)
    repository = tmp_path / "repository"
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    (repository / "a").write_text("1")
    subprocess.run([*git, "add", "a"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)

    clean = git_commit(repository)
    (repository / "a").write_text("2")

    assert re.fullmatch("[0-9a-f]{40}", clean)
    assert git_commit(repository) == f"{clean}-dirty"
    assert git_commit(tmp_path / "nowhere") == "unknown"
    monkeypatch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc")
    assert git_commit(repository) == "abc"


def test_the_lock_names_the_environment(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_bytes(b"pandas==3.1.1\n")

    assert lock_hash(tmp_path) == hashlib.sha256(b"pandas==3.1.1\n").hexdigest()
    assert lock_hash(tmp_path / "nowhere") == "unknown"
