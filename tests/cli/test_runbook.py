"""The runbook's commands about MLflow and the ledger do what it says, word for word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from mlflow import MlflowClient

from include.cli.app import main
from include.config.settings import ROOT
from include.io.tracking_database import busy_safe
from tests.support.model_nights import Nights
from tests.support.played_nights import declare, in_force

LOST = "MLflow's database is lost"
UNKNOWN = "A night says that a champion is in force that the ledger does not know"
CHANGED = "Something was changed by hand"


@pytest.fixture
def nights(played_nights: Nights, home: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    declare(played_nights, home / "projects")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
    monkeypatch.setenv("NIGHTSHIFT_STORE_URL", played_nights.store_url)
    monkeypatch.setenv("NIGHTSHIFT_TRACKING_URL", played_nights.tracking_url)
    monkeypatch.setenv("COLUMNS", "200")
    return played_nights


def commands(section: str) -> dict[str, list[str]]:
    """Return the arguments of the first reconcile of each line of a section's table, without --docker."""
    text = (ROOT / "docs" / "operations.md").read_text().partition(f"### {section}\n")[2].partition("\n### ")[0]
    found = {}
    for line in text.splitlines():
        told = re.search(r"\./nightshift (reconcile [^`]*)`", line)
        if line.startswith("| ") and told:
            name = line.split("|")[1].strip()
            found[name] = [
                word for word in shlex.split(told[1].replace("flight_delay", "parcels")) if word != "--docker"
            ]
    return found


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = main(arguments)
    return status, " ".join(capsys.readouterr().out.split())


def test_a_lost_database_is_made_good_by_the_commands_of_the_runbook(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    told = commands(LOST)
    for path in nights.folder.glob("mlflow.db*"):
        path.unlink()
    status, shown = run(told["well again"], capsys)
    assert status == 1
    assert "MLflow alias champion: nothing instead of version 2" in shown
    assert "MLflow: version 3" in shown
    assert run(told["the command"], capsys)[0] == 0
    status, shown = run(told["well again"], capsys)
    assert (status, "all agree" in shown) == (0, True)
    assert in_force(nights) == ("2", "2", "2")


def test_an_unknown_champion_is_told_and_made_good_by_the_commands_of_the_runbook(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    told = commands(UNKNOWN)
    url = busy_safe(nights.tracking_url)
    MlflowClient(url, url).set_registered_model_alias("parcels", "champion", "3")
    status, shown = run(told["the command"], capsys)
    assert (status, "MLflow alias champion: version 3 instead of version 2" in shown) == (1, True)
    assert run(["reconcile", "parcels"], capsys)[0] == 0
    status, shown = run(told["well again"], capsys)
    assert (status, "all agree" in shown) == (0, True)


def test_a_deep_check_counts_and_finds_what_was_changed(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    told = commands(CHANGED)
    status, shown = run(told["the command"], capsys)
    assert status == 0
    assert "6 ledger entries, 4 decisions, 2 releases, 4 candidates" in shown
    nights.store.put("parcels/releases/version=1/model.skops", b"another")
    status, shown = run(told["the command"], capsys)
    assert (status, "release of version 1: model.skops is not what was published" in shown) == (1, True)
