"""Make the secrets of the docker stack, once, for nobody else's eyes."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from include.domain.errors import SettingsError
from include.stack.compose.env_file import FILE, SECRETS, change_env, ensure_env, read_env, rotate_env


def test_every_secret_is_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    assert ensure_env(tmp_path) == sorted(SECRETS)
    first = read_env(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert len(set(first.values())) == len(SECRETS)
    assert min(len(value) for value in first.values()) >= 16
    Fernet(first["AIRFLOW_FERNET_KEY"])

    assert ensure_env(tmp_path) == []
    assert read_env(tmp_path) == first


def test_two_checkouts_have_no_secret_in_common(tmp_path: Path) -> None:
    homes = [tmp_path / "a", tmp_path / "b"]
    for home in homes:
        home.mkdir()
        ensure_env(home)
    values = [set(read_env(home).values()) for home in homes]
    assert not values[0] & values[1]


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("# mine\nNIGHTSHIFT_WORKER_MEMORY=8g\nADMIN_PASSWORD=chosen\n")
    path.chmod(0o600)
    made = ensure_env(tmp_path, {"NIGHTSHIFT_WORKERS": "3"})
    assert made == sorted(set(SECRETS) - {"ADMIN_PASSWORD"})
    assert path.read_text().startswith("# mine\nNIGHTSHIFT_WORKER_MEMORY=8g\nADMIN_PASSWORD=chosen\n")
    assert read_env(tmp_path)["NIGHTSHIFT_WORKERS"] == "3"


def test_an_empty_value_takes_a_setting_away(tmp_path: Path) -> None:
    ensure_env(tmp_path, {"COMPOSE_PROFILES": "workers"})
    change_env(tmp_path, {"COMPOSE_PROFILES": ""})
    assert "COMPOSE_PROFILES" not in read_env(tmp_path)
    assert set(read_env(tmp_path)) == set(SECRETS)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    ensure_env(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    with pytest.raises(SettingsError, match=r"others may read it; got: 644; allowed: 600; hint: chmod 600 \.env"):
        ensure_env(tmp_path)


def test_rotation_makes_all_anew_but_the_key_of_what_is_encrypted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is nothing to rotate"):
        rotate_env(tmp_path)
    ensure_env(tmp_path, {"NIGHTSHIFT_WORKERS": "2"})
    before = read_env(tmp_path)
    assert rotate_env(tmp_path) == sorted(set(SECRETS) - {"AIRFLOW_FERNET_KEY"})
    after = read_env(tmp_path)
    assert {name for name in before if before[name] == after[name]} == {"AIRFLOW_FERNET_KEY", "NIGHTSHIFT_WORKERS"}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
