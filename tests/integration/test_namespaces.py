"""Two namespaces beside production on one Airflow, one store and one MLflow: each its own champion, none in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.config.discovery import load_project
from include.config.settings import Settings
from include.domain.names import register
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.releases import read_pointer
from include.io.stores import open_store
from include.io.tracking import Tracking
from include.operations.namespace_data import known_namespaces, look, remove
from tests.airflow_fixtures import airflow_database
from tests.e2e.asked_projects import NIGHTS, declaration, write_asked
from tests.support.demo_nights import states
from tests.support.tracked_names import listing, of_namespace
from tests.support.tracking import copy_prepared

# tests/e2e/test_namespaces.py shows it on a real scheduler
pytestmark = [pytest.mark.integration, pytest.mark.deep]
NAME = "parcels"


@dataclass(frozen=True)
class House:
    """Play nights of one project in production and in namespaces, by its real Dag and stages."""

    home: Path

    @property
    def settings(self) -> Settings:
        return Settings.from_environment()

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.settings.store_url)

    def night(self, as_of: date, namespace: str = "") -> Any:
        from include.orchestration.retrain import build_retrain_dag

        project = load_project(self.settings.projects_dir, NAME)
        return build_retrain_dag(project, namespace).test(run_conf={"as_of": as_of.isoformat()})

    def champion(self, namespace: str = "") -> tuple[str, str, str | None, date] | None:
        """Return version by ledger, by release and by alias, and the day; None before there is one."""
        there = self.settings.in_namespace(namespace)
        store = open_store(there.store_url)
        entry, pointer = Ledger(store, NAME).champion(), read_pointer(store, NAME)
        if entry is None or pointer is None:
            return None
        alias = Tracking(there.tracking_url, NAME, "file:///unused").version_of_alias("champion")
        return entry.version, pointer.version, alias, entry.as_of

    def objects(self, without: str = "namespace=") -> dict[str, str]:
        """Return the sha256 of every object but those whose key begins with `without`."""
        keys = [listed.key for listed in self.store.list() if not listed.key.startswith(without)]
        return {key: hashlib.sha256(self.store.get(key)).hexdigest() for key in keys}

    def tracked(self) -> dict[str, Any]:
        return listing(self.settings.tracking_url)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Iterator[House]:
    """Return a home in which production has had its first night, and two namespaces one after it."""
    airflow_database()
    home = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        patch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
        patch.setenv("NIGHTSHIFT_TRACKING_URL", copy_prepared(prepared_tracking, home))
        patch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc123")
        house = House(home)
        write_asked(home / "projects", house.store, NAME)
        declared = {**declaration(NAME), "promotion": {"mode": "automatic"}}
        (home / "projects" / NAME / "project.yaml").write_text(yaml.safe_dump(declared))
        assert house.night(NIGHTS[0]).state == "success"
        yield house


@pytest.fixture(scope="module")
def production(house: House) -> tuple[dict[str, str], dict[str, Any]]:
    """Return production's objects and what MLflow shows of it, before there was any namespace; then make two."""
    before = house.objects(), house.tracked()
    assert house.champion() == ("1", "1", "1", NIGHTS[0])
    for namespace, night in (("pr-1", NIGHTS[1]), ("pr-12", NIGHTS[2])):
        register(house.home, namespace)
        run = house.night(night, namespace)
        assert run.state == "success", states(run)
        assert run.dag_id == f"{namespace}.{NAME}__retrain"
    return before


def test_each_has_a_champion_of_its_own_and_production_is_as_it_was(house: House, production: Any) -> None:
    objects, tracked = production
    assert house.champion("pr-1") == ("1", "1", "1", NIGHTS[1])
    assert house.champion("pr-12") == ("1", "1", "1", NIGHTS[2])
    assert house.champion() == ("1", "1", "1", NIGHTS[0])
    assert house.objects() == objects
    shown = house.tracked()
    for namespace in ("pr-1", "pr-12"):
        assert set(of_namespace(shown, namespace)) == {
            f"experiment {namespace}.{NAME}",
            f"model {namespace}.{NAME}",
        }
    assert {name: held for name, held in shown.items() if " pr-" not in name} == tracked


def test_the_source_is_productions_and_is_only_read(house: House, production: Any) -> None:
    keys = [listed.key for listed in house.store.list("namespace=")]
    assert any("/raw/" in key for key in keys)
    assert not any("/landing/" in key for key in keys)


def test_records_of_a_namespace_name_its_own_places(house: House, production: Any) -> None:
    there = house.settings.in_namespace("pr-1")
    (decided, *_) = Ledger(open_store(there.store_url), NAME).entries()
    assert decided.report_uri.startswith(f"{house.settings.store_url}/namespace=pr-1/{NAME}/")
    assert decided.origin.dag_id == f"pr-1.{NAME}__retrain"
    (run,) = house.tracked()[f"experiment pr-1.{NAME}"].values()
    assert run[-1].startswith(f"{there.store_url}/{NAME}/mlflow/")


def test_a_pin_in_a_namespace_pins_nothing_else(house: House, production: Any) -> None:
    from include.orchestration.operations import build_pin_dag

    before = house.objects()
    pinned = build_pin_dag([NAME], "pr-12").test(run_conf={"project": NAME, "action": "pin", "reason": "a look"})
    assert pinned.state == "success"
    ledger = Ledger(open_store(house.settings.in_namespace("pr-12").store_url), NAME)
    assert ledger.in_force().pin is not None
    assert Ledger(house.store, NAME).in_force().pin is None
    assert house.objects() == before


def test_removing_one_leaves_the_others_as_they_are(house: House, production: Any) -> None:
    store, url = house.store, house.settings.tracking_url
    assert known_namespaces(store, url) == {"pr-1", "pr-12"}
    held = look(store, url, "pr-1")
    assert (held.projects, held.champions) == ((NAME,), {NAME: "1"})
    assert (held.experiments, held.models) == ((f"pr-1.{NAME}",), (f"pr-1.{NAME}",))
    assert held.objects > 10 and held.size > 10_000
    others, shown = house.objects("namespace=pr-1/"), house.tracked()

    remove(store, url, "pr-1")
    assert not look(store, url, "pr-1")
    assert house.objects("nothing") == others
    assert not (house.home / "store" / "namespace=pr-1").exists()
    assert house.tracked() == {name: one for name, one in shown.items() if " pr-1." not in name}
    assert known_namespaces(store, url) == {"pr-12"}
    assert house.champion("pr-1") is None
