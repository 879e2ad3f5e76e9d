"""The settings file is one that the Astro CLI reads whole, and gives Airflow what our stack gives it."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.config.connections import DIALECTS, ConnectionFields, settings_connections, sqlalchemy_url
from include.config.discovery import load_project, project_folders
from include.config.project import SqlSource
from include.config.settings import ROOT
from include.orchestration.tasks import TRAINING_POOL
from include.stack.environment import read_airflow_settings
from tests.support import astro

PATH = ROOT / "airflow_settings.yaml"
SETTINGS: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))


def test_every_key_is_one_that_the_cli_knows() -> None:
    assert astro.problems(SETTINGS) == []


@pytest.mark.parametrize(
    ("place", "change", "told"),
    [
        ("connections", {"host": "x"}, "airflow.connections[0].host: no such key"),
        ("connections", {"conn_port": "5432"}, "airflow.connections[0].conn_port: str"),
        ("pools", {"pool_slots": 2}, "airflow.pools[0].pool_slots: no such key"),
        ("pools", {"pool_slot": True}, "airflow.pools[0].pool_slot: bool"),
    ],
)
def test_a_key_that_the_cli_would_ignore_is_found(place: str, change: dict[str, Any], told: str) -> None:
    changed = copy.deepcopy(SETTINGS)
    changed["airflow"][place][0].update(change)
    assert astro.problems(changed) == [told]
    assert astro.problems({**SETTINGS, "extra": {}}) == ["the one key at the top is 'airflow'"]


def test_airflow_s_api_takes_what_the_cli_posts() -> None:
    from airflow.api_fastapi.core_api.datamodels.connections import ConnectionBody
    from airflow.api_fastapi.core_api.datamodels.pools import PoolBody

    posted = [ConnectionBody.model_validate(body) for body in astro.connections(SETTINGS)]
    made = [PoolBody.model_validate(body) for body in astro.pools(SETTINGS)]
    assert [connection.connection_id for connection in posted] == list(settings_connections(PATH))
    assert {pool.pool: pool.slots for pool in made} == {
        pool.pool_name: pool.pool_slot for pool in read_airflow_settings(ROOT).pools
    }


def test_a_connection_leads_to_the_same_address_by_both_ways(tmp_path: Path) -> None:
    for posted in astro.connections(SETTINGS):
        name = posted.pop("connection_id")
        ours = settings_connections(PATH)[name]
        if ours.conn_type in DIALECTS:
            theirs = ConnectionFields.model_validate(posted)
            addresses = [sqlalchemy_url(name, fields, tmp_path).get_secret_value() for fields in (ours, theirs)]
            assert addresses[0] == addresses[1]


def test_every_connection_and_pool_that_the_code_asks_for_is_there() -> None:
    projects = [
        load_project(ROOT / "include/projects", path.name) for path in project_folders(ROOT / "include/projects")
    ]
    asked = {project.source.connection for project in projects if isinstance(project.source, SqlSource)}
    assert asked
    assert asked <= {body["connection_id"] for body in astro.connections(SETTINGS)}
    assert TRAINING_POOL in {body["name"] for body in astro.pools(SETTINGS)}


def test_the_checkout_is_a_project_of_the_cli() -> None:
    # without this file it refuses to start (config.IsProjectDir)
    declared = yaml.safe_load((ROOT / ".astro/config.yaml").read_text(encoding="utf-8"))
    assert declared == {"project": {"name": "nightshift"}}
    assert all((ROOT / folder).is_dir() for folder in ("dags", "plugins", "include", "tests"))


def test_the_image_is_one_that_the_cli_s_compose_file_can_run() -> None:
    text = (ROOT / "Dockerfile.astro").read_text(encoding="utf-8")
    version = re.search(r"^apache-airflow==(.*)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    assert version
    assert f'io.astronomer.docker.airflow.version="{version[1]}"' in text
    assert 'io.astronomer.docker.runtime.version="3.' in text
    assert re.search(r"^USER astro$", text, re.M)
    for place in ("AIRFLOW_HOME=/usr/local/airflow", "PYTHONPATH=/usr/local/airflow"):
        assert place in text
