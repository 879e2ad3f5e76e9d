"""Name a namespace to any command, by its option or by the variable; list and remove without a running Airflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.cli.app import main
from include.domain.names import being_removed, register, registered
from include.io.tracking import Tracking
from include.io.tracking_removal import TrackedNamespaces
from tests.airflow_fixtures import write_decision, write_project

READING = (("status", "shop"), ("decision", "shop"), ("ledger", "shop"))


@pytest.fixture
def store_url(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the store of a home with the project `shop`: production has rejected, namespace pr-1 promoted."""
    write_project(home / "projects", "shop")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
    monkeypatch.setenv("COLUMNS", "200")
    # the option sets it, and what it was before comes back after the test
    monkeypatch.setenv("NIGHTSHIFT_NAMESPACE", "")
    url = f"file://{home / 'store'}"
    write_decision(url, "shop", run_id="r", verdict="REJECT")
    write_decision(f"{url}/namespace=pr-1", "shop", run_id="r")
    return url


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """Return what a command prints."""
    assert main(list(arguments)) == status
    shown = capsys.readouterr()
    return " ".join((shown.out + shown.err).split())


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_command_shows_the_namespace_that_it_is_given(
    command: tuple[str, ...], store_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = told(capsys, *command, "--json")
    assert ("REJECT" in base, "PROMOTE" in base) == (True, False)
    by_option = told(capsys, *command, "--json", "--namespace", "pr-1")
    monkeypatch.setenv("NIGHTSHIFT_NAMESPACE", "pr-1")
    by_variable = told(capsys, *command, "--json")
    assert by_option == by_variable
    assert ("REJECT" in by_option, "PROMOTE" in by_option) == (False, True)


def test_a_pin_is_put_on_the_namespace_alone(
    store_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = told(capsys, "pin", "shop", "--reason", "x", "--namespace", "pr-1")
    assert "PINNED shop: version 1" in shown
    assert 'until ./nightshift unpin shop --namespace pr-1 --reason "..."' in shown
    for namespace, pinned in (("pr-1", True), ("", False)):
        monkeypatch.setenv("NIGHTSHIFT_NAMESPACE", namespace)
        [there] = json.loads(told(capsys, "status", "shop", "--json"))["projects"]
        assert (there["pin"] is not None) == pinned


@pytest.mark.parametrize("command", [("run",), ("status",), ("backfill", "shop", "2013-01-01", "2013-01-02")])
def test_a_bad_name_is_refused_before_anything_else(
    command: tuple[str, ...], store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = told(capsys, *command, "--namespace", "../production", status=2)
    assert "option --namespace: not the name of a namespace; got: '../production'" in shown


def test_a_backfill_of_a_namespace_is_of_its_dag(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "backfill", "shop", "2013-04-01", "2013-04-02", "--dry-run", "--json", "--namespace", "pr-1")
    assert json.loads(shown)["dag_id"] == "pr-1.shop__retrain"


def test_the_list(store_url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(home, "empty")
    Tracking(f"sqlite:///{home}/mlflow/mlflow.db#namespace=tracked", "shop", "file:///unused")
    # what MLflow says when it is first used belongs to nobody's answer
    capsys.readouterr()
    found = {one["namespace"]: one for one in json.loads(told(capsys, "namespace", "ls", "--json"))["namespaces"]}
    assert set(found) == {"empty", "pr-1", "tracked"}
    assert (found["pr-1"]["champions"], found["pr-1"]["projects"]) == ({"shop": "1"}, ["shop"])
    assert (found["pr-1"]["objects"], found["empty"]["objects"]) == (4, 0)
    assert found["tracked"]["experiments"] == ["tracked.shop"]
    assert "pr-1 shop 1 4" in told(capsys, "namespace", "ls")


def test_without_any_the_list_says_how_one_is_made(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no namespace yet; ./nightshift run --namespace NAME makes one" in told(capsys, "namespace", "ls")


def test_one_that_is_not_there_is_told_with_those_that_are(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "namespace", "rm", "pr-2", "--yes", status=2)
    assert "argument NAME: there is no such namespace; got: 'pr-2'; allowed: pr-1; hint: Did you mean 'pr-1'?" in shown


def test_nothing_goes_where_nobody_can_be_asked(store_url: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "namespace", "rm", "pr-1", status=2)
    assert "store 4 objects" in shown
    assert "option --yes: nobody can be asked here; hint: ./nightshift namespace rm pr-1 --yes" in shown
    assert (home / "store" / "namespace=pr-1").is_dir()


def test_all_of_one_goes_where_no_airflow_ever_ran(
    store_url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register(home, "pr-1")
    write_decision(f"{store_url}/namespace=pr-12", "shop", run_id="r")
    logs = home / "logs" / "tasks"
    for dag_id in ("pr-1.shop__retrain", "pr-12.shop__retrain", "shop__retrain"):
        (logs / f"dag_id={dag_id}" / "run_id=r").mkdir(parents=True)
    Tracking(f"sqlite:///{home}/mlflow/mlflow.db#namespace=pr-1", "shop", "file:///unused")
    assert "namespace pr-1 is gone" in told(capsys, "namespace", "rm", "pr-1", "--yes")
    assert not (home / "store" / "namespace=pr-1").exists()
    assert (home / "store" / "namespace=pr-12").is_dir()
    assert sorted(path.name for path in logs.iterdir()) == ["dag_id=pr-12.shop__retrain", "dag_id=shop__retrain"]
    assert TrackedNamespaces(f"sqlite:///{home}/mlflow/mlflow.db").names() == set()
    assert (registered(home), being_removed(home)) == ((), ())
    assert "there is no such namespace" in told(capsys, "namespace", "rm", "pr-1", "--yes", status=2)
