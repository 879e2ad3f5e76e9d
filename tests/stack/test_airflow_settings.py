from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.domain.errors import SettingsError
from include.stack.environment import read_airflow_settings


def written(folder: Path, text: str) -> Path:
    (folder / "airflow_settings.yaml").write_text(text, encoding="utf-8")
    return folder


def test_connections_and_variables_become_environment_variables(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        """
airflow:
  connections:
    - conn_id: lake
      conn_type: aws
      conn_host:
      conn_login: me
      conn_password: "p:1"
      conn_port: 9000
      conn_extra: {region: x}
    - {conn_id: by_uri, conn_uri: "postgres://u:p@h:5432/d"}
  pools:
    - {pool_name: training, pool_slot: 2, pool_description: one at a time}
  variables:
    - {variable_name: rows, variable_value: 12}
""",
    )
    settings = read_airflow_settings(root)
    environ = settings.environment()
    assert json.loads(environ["AIRFLOW_CONN_LAKE"]) == {
        "conn_type": "aws",
        "login": "me",
        "password": "p:1",
        "port": 9000,
        "extra": {"region": "x"},
    }
    assert json.loads(environ["AIRFLOW_CONN_BY_URI"])["host"] == "h"
    assert environ["AIRFLOW_VAR_ROWS"] == "12"
    assert [(pool.pool_name, pool.pool_slot) for pool in settings.pools] == [("training", 2)]


def test_astros_empty_template_declares_nothing(tmp_path: Path) -> None:
    root = written(
        tmp_path,
        """
airflow:
  connections:
    - conn_id:
      conn_type:
      conn_extra:
        example_extra_field: example-value
  pools:
    - pool_name:
      pool_slot:
      pool_description:
  variables:
    - variable_name:
      variable_value:
""",
    )
    settings = read_airflow_settings(root)
    assert settings.environment() == {}
    assert settings.pools == ()


def test_without_the_file_nothing_is_declared(tmp_path: Path) -> None:
    assert read_airflow_settings(tmp_path).environment() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("airflow: [", "airflow_settings.yaml: not in Astro's format"),
        (
            "airflow: {pools: [{pool_name: a, pool_slot: many}]}",
            "airflow_settings.yaml: AirflowPool.pool_slot: Input should be a valid integer",
        ),
        (
            "airflow: {pools: [{pool_name: a, pool_slots: 1}]}",
            "airflow_settings.yaml: AirflowPool.pool_slot: Field required",
        ),
        (
            "airflow: {variables: [{variable_name: a, value: hidden}]}",
            "airflow_settings.yaml: AirflowVariable.value: Extra inputs are not permitted",
        ),
    ],
)
def test_a_broken_file_is_named_without_showing_values(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_airflow_settings(written(tmp_path, text))
    assert str(error.value).startswith(message)
    assert "hidden" not in str(error.value)


def test_the_checkouts_own_file_declares_the_training_pool() -> None:
    from include.config.settings import ROOT
    from include.domain.names import TRAINING_POOL

    assert TRAINING_POOL in {pool.pool_name for pool in read_airflow_settings(ROOT).pools}
