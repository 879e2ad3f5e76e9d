"""Who changes the champion by a command tells the Dags that wait for it, through a real Airflow's own API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr

from include.airflow_client.api import AirflowApi
from include.config.credentials import ADMIN
from include.domain.names import asset_uri
from include.orchestration.dag_building import champion_asset
from include.stack.environment import free_ports
from tests.airflow_fixtures import airflow_database


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowApi]:
    """Return a running Airflow, as its administrator reaches it."""
    passwords = tmp_path_factory.mktemp("auth") / "passwords.json"
    passwords.write_text(json.dumps({ADMIN: "secret"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", f"{ADMIN}:admin")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        airflow_database()
        from airflow.api_fastapi.app import create_app

        [port] = free_ports(1)
        server = uvicorn.Server(uvicorn.Config(create_app(apps="core"), port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield AirflowApi(f"http://127.0.0.1:{port}", SecretStr("secret"))
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def known_asset(airflow: AirflowApi) -> Iterator[str]:
    """Return the address of a champion that Airflow knows; of a project that no other test has in its database."""
    from airflow.models.asset import AssetActive, AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    asset = champion_asset("newsstand")
    with create_session() as session:
        stored = AssetModel(name=asset.name, uri=asset.uri, group=asset.group)
        session.add(stored)
        session.flush()
        # as one that a Dag makes
        session.add(AssetActive.for_asset(stored))
    yield asset.uri
    with create_session() as session:
        session.execute(delete(AssetEvent))
        session.execute(delete(AssetActive).where(AssetActive.uri == asset.uri))
        session.execute(delete(AssetModel).where(AssetModel.uri == asset.uri))


def test_an_event_of_the_asset_is_made(airflow: AirflowApi, known_asset: str) -> None:
    assert known_asset == asset_uri("newsstand", "champion")
    assert airflow.announce(known_asset, {"version": "2", "ledger_number": 7})
    found: Any = airflow.get("/assets/events", order_by="-timestamp")["asset_events"]
    assert [event["extra"]["version"] for event in found if event["uri"] == known_asset] == ["2"]
    assert (found[0]["uri"], found[0]["extra"]["ledger_number"]) == (known_asset, 7)


def test_of_an_asset_that_airflow_does_not_know_nothing_is_made(airflow: AirflowApi, known_asset: str) -> None:
    before: Any = airflow.get("/assets/events")
    # an underscore stands for any letter where Airflow looks for it
    assert not airflow.announce(asset_uri("newsstan_", "champion"), {})
    after: Any = airflow.get("/assets/events")
    assert after["total_entries"] == before["total_entries"]
