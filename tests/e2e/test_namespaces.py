"""Two namespaces and production on one running stack: each its own champion; one is removed, then the other without."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from include.config.settings import database_file
from include.stack.environment import task_logs
from tests.e2e.asked_projects import NIGHTS, write_asked
from tests.e2e.door import Door, edit
from tests.support.tracked_names import listing

pytestmark = pytest.mark.e2e

PROJECT = "parcels"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Return a home whose stack is up, in which production and two namespaces have had a night each."""
    home, projects = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("projects")
    door = Door(home, NIGHTSHIFT_PROJECTS=str(projects))
    write_asked(projects, door.store(), PROJECT)
    edit(projects / PROJECT / "project.yaml", (r"^  mode: approval$", "  mode: automatic"))
    try:
        door.up()
        for night, options in zip(NIGHTS, ((), ("--namespace", "pr-1"), ("--namespace", "pr-12")), strict=False):
            said = door("run", PROJECT, "--as-of", str(night), *options)
            assert f"PROMOTE  decision 1 of {PROJECT}" in said
        yield door
    finally:
        door("down")


def objects(door: Door, without: str) -> dict[str, str]:
    store = door.store()
    keys = [one.key for one in store.list() if not one.key.startswith(without)]
    return {key: hashlib.sha256(store.get(key)).hexdigest() for key in keys}


def tracked(door: Door) -> dict[str, Any]:
    return listing(f"sqlite:///{door.home}/mlflow/mlflow.db")


def in_database(door: Door, table: str, column: str, namespace: str) -> list[str]:
    with closing(sqlite3.connect(database_file(door.home), timeout=60)) as connection:
        query = f"SELECT {column} FROM {table} WHERE {column} LIKE ?"
        return [str(row[0]) for row in connection.execute(query, (f"{namespace}.%",))]


def test_each_has_its_own_champion_and_says_so(door: Door) -> None:
    for night, options in zip(NIGHTS, ((), ("--namespace", "pr-1"), ("--namespace", "pr-12")), strict=False):
        [status] = door.json("status", PROJECT, *options)["projects"]
        assert status["decisions"] == 1
        assert (status["champion"]["version"], status["champion"]["as_of"]) == ("1", str(night))
    [first, second] = door.json("namespace", "ls")["namespaces"]
    assert (first["namespace"], second["namespace"]) == ("pr-1", "pr-12")
    assert (first["champions"], first["half_removed"]) == ({PROJECT: "1"}, False)
    pools = {name: door.api().pool(name) for name in ("training", "pr-1.training", "pr-12.training")}
    assert len({pool["slots"] for pool in pools.values() if pool}) == 1
    assert None not in pools.values()


def test_one_is_removed_while_all_goes_on(door: Door) -> None:
    api, dag_id = door.api(), f"pr-1.{PROJECT}__retrain"
    ended = door.call("namespace", "rm", "pr-1")
    assert (ended.returncode, "option --yes: nobody can be asked here" in ended.stderr) == (2, True)
    # its Dag is paused, so it stays queued
    waiting = api.trigger(dag_id, {"logical_date": None, "conf": {}})
    refused = door.call("namespace", "rm", "pr-1", "--yes")
    assert refused.returncode == 2
    assert f"namespace pr-1: runs of it are not finished; got: {dag_id} {waiting}" in refused.stderr
    api.fail_run(dag_id, waiting, "for the test")
    before, shown = objects(door, "namespace=pr-1/"), tracked(door)

    assert "namespace pr-1 is gone" in door("namespace", "rm", "pr-1", "--yes")

    assert objects(door, "nothing") == before
    assert tracked(door) == {name: one for name, one in shown.items() if " pr-1." not in name}
    assert api.every_dag("pr-1.%") == []
    assert (api.pool("pr-1.training"), api.pool("training") is not None) == (None, True)
    assert len(api.every_run(f"pr-12.{PROJECT}__retrain")) == len(api.every_run(f"{PROJECT}__retrain")) == 1
    for table in ("dag_run", "task_instance", "xcom", "serialized_dag", "dag_version"):
        assert in_database(door, table, "dag_id", "pr-1") == []
        assert in_database(door, table, "dag_id", "pr-12") != []
    logs = {folder.name.split(".")[0] for folder in task_logs(door.home).glob("dag_id=pr-*")}
    assert logs == {"dag_id=pr-12"}
    unknown = door.call("namespace", "rm", "pr-1", "--yes")
    assert unknown.returncode == 2
    assert "argument NAME: there is no such namespace; got: 'pr-1'; allowed: pr-12" in unknown.stderr


def test_the_other_is_removed_without_a_running_stack(door: Door) -> None:
    door("down")
    before = objects(door, "namespace=")
    # as a removal that was killed early leaves it
    registry = Path(door.home, "namespaces")
    (registry / "pr-12").rename(registry / "pr-12.removing")
    assert door.json("namespace", "ls")["namespaces"][0]["half_removed"] is True
    refused = door.call("run", PROJECT, "--namespace", "pr-12")
    assert (refused.returncode, "namespace pr-12: it is being removed" in refused.stderr) == (2, True)

    assert "namespace pr-12 is gone" in door("namespace", "rm", "pr-12", "--yes")

    assert objects(door, "nothing") == before
    assert in_database(door, "dag", "dag_id", "pr-12") == in_database(door, "slot_pool", "pool", "pr-12") == []
    assert door.json("namespace", "ls") == {"namespaces": []}
    assert [name for name in tracked(door) if "pr-" in name] == []
