"""Promote, roll back, pin and reconcile by the door, and see it in status, ledger and decision."""

from __future__ import annotations

import getpass
import json
import re
from pathlib import Path

import pytest

from include.cli.app import main
from include.io import keys
from tests.support.model_nights import Nights
from tests.support.played_nights import day, declare, in_force

COMMANDS = ("promote", "rollback", "pin", "unpin", "reconcile")
BECAUSE = ("--reason", "late parcels in [Oslo]")


@pytest.fixture
def nights(played_nights: Nights, home: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    """Return the nights that the door finds, as their own project, in their own store and MLflow."""
    declare(played_nights, home / "projects")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
    monkeypatch.setenv("NIGHTSHIFT_STORE_URL", played_nights.store_url)
    monkeypatch.setenv("NIGHTSHIFT_TRACKING_URL", played_nights.tracking_url)
    monkeypatch.setenv("NIGHTSHIFT_USER", "ada")
    monkeypatch.setenv("COLUMNS", "200")
    return played_nights


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> list[str]:
    """Return the lines that a command prints, each with single spaces."""
    assert main(list(arguments)) == status
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Example: ./nightshift {command} flight_delay" in capsys.readouterr().out


def test_a_rollback_says_what_was_and_what_is_in_force(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "rollback", "parcels", *BECAUSE)
    assert lines == [
        f"ROLLED BACK parcels: version 2 of {day(2)} (linear) -> version 1 of {day(1)} (weak)",
        "entry 7 by ada: late parcels in [Oslo]",
        'stays out version 2, until ./nightshift promote parcels 2 --reason "..."',
    ]
    assert in_force(nights) == ("1", "1", "1")
    told = shown(capsys, "promote", "parcels", "2", *BECAUSE)
    assert told[0] == f"PROMOTED parcels: version 1 of {day(1)} (weak) -> version 2 of {day(2)} (linear)"
    assert in_force(nights) == ("2", "2", "2")


def test_to_names_the_version(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    shown(capsys, "promote", "parcels", "3", *BECAUSE)
    assert main(["rollback", "parcels", "--to", "1", *BECAUSE, "--json"]) == 0
    change = json.loads(capsys.readouterr().out)
    assert (change["before"]["version"], change["after"]["version"], change["behind"]) == ("3", "1", [])
    assert change["entry"]["origin"]["triggered_by"] == "ada"
    assert in_force(nights) == ("1", "1", "1")


def test_a_pin_is_seen_in_status_until_it_is_taken_off(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "pin", "parcels", *BECAUSE) == [
        f"PINNED parcels: version 2 of {day(2)} (linear)",
        "entry 7 by ada: late parcels in [Oslo]",
        'until ./nightshift unpin parcels --reason "..."',
    ]
    assert any(
        re.fullmatch(r"pinned parcels by ada, \d{4}-\d\d-\d\d: late parcels in \[Oslo\]", line)
        for line in shown(capsys, "status", "parcels")
    )
    assert main(["status", "parcels", "--json"]) == 0
    (project,) = json.loads(capsys.readouterr().out)["projects"]
    assert (project["pin"]["by"], project["pin"]["reason"], project["pin"]["ledger_number"]) == (
        "ada",
        "late parcels in [Oslo]",
        7,
    )
    # an emergency: the rollback says that the pin is still there
    assert shown(capsys, "rollback", "parcels", *BECAUSE)[-1] == "pin ledger entry 7 pins the champion still"
    assert shown(capsys, "unpin", "parcels", *BECAUSE)[0] == f"UNPINNED parcels: version 1 of {day(1)} (weak)"
    assert not any(line.startswith("pinned") for line in shown(capsys, "status", "parcels"))


def test_ledger_and_decision_show_who_did_what_and_why(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    shown(capsys, "rollback", "parcels", *BECAUSE)
    shown(capsys, "pin", "parcels", "--reason", "audit")
    lines = shown(capsys, "ledger", "parcels")
    (rolled,) = [line for line in lines if " rollback " in line]
    (pinned,) = [line for line in lines if " pin " in line]
    assert rolled.startswith(f"7 rollback - {day(1)} weak 1 ")
    assert rolled.endswith(" ada late parcels in [Oslo]")
    assert pinned.endswith(" ada audit")
    lines = shown(capsys, "decision", "parcels", "7")
    assert lines[0] == "ROLLBACK entry 7 of parcels: version 1 was rolled back to by ada: late parcels in [Oslo]"
    assert lines[1] == "the decision about that version:"
    assert lines[2].startswith(f"PROMOTE parcels as of {day(1)}: all gates passed and there is no champion")
    assert shown(capsys, "decision", "parcels", "8")[0] == "PIN entry 8 of parcels: version 1 was pinned by ada: audit"


MISTAKES = [
    (["rollback", "parcels", "--reason", " "], 2, "parcels: a reason is needed: it is kept in the ledger for good"),
    (["rollback", "parcels", "--to", "9", *BECAUSE], 2, "none of the earlier champions; got: version 9; allowed: 1"),
    (["rollback", "parcel", *BECAUSE], 2, "Did you mean 'parcels'?"),
    (["promote", "parcels", "2", *BECAUSE], 2, "version 2 is the champion already"),
    (["promote", "parcels", "4", *BECAUSE], 1, "version 4 was rejected, and a rejected model is promoted by nobody"),
    (["unpin", "parcels", *BECAUSE], 2, "nothing is pinned"),
]


@pytest.mark.parametrize(("arguments", "status", "message"), MISTAKES, ids=[message for *_, message in MISTAKES])
def test_a_mistake_is_one_line_and_changes_nothing(
    nights: Nights, arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    told = capsys.readouterr()
    assert message in told.err
    assert (len(told.err.strip().splitlines()), told.out) == (1, "")
    assert in_force(nights) == ("2", "2", "2")


@pytest.mark.parametrize("command", [["rollback", "parcels"], ["pin", "parcels"], ["promote", "parcels", "3"]])
def test_a_reason_has_to_be_given(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    assert "--reason" in capsys.readouterr().err


def test_mlflow_that_is_away_is_told_and_does_not_hold_a_rollback(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as away:
        away.setenv("NIGHTSHIFT_TRACKING_URL", f"sqlite:///{nights.folder}")
        lines = shown(capsys, "rollback", "parcels", *BECAUSE, status=1)
    assert lines[0].startswith("ROLLED BACK parcels: version 2")
    assert lines[-1].startswith("behind MLflow alias champion: unknown")
    assert lines[-1].endswith("; ./nightshift reconcile parcels")
    assert in_force(nights) == ("1", "1", "2")
    assert shown(capsys, "reconcile", "parcels")[1:] == [
        "wrong MLflow alias champion: version 2 instead of version 1",
        "repaired all agree by now: release, release pointer and MLflow's alias follow the ledger",
    ]
    assert in_force(nights) == ("1", "1", "1")


def test_reconcile_tells_repairs_and_agrees(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    agreed = [
        f"ledger parcels: 6 entries, champion version 2 of {day(2)} (linear)",
        "all agree release, release pointer and MLflow's alias follow the ledger",
    ]
    assert shown(capsys, "reconcile", "parcels") == agreed
    nights.store.delete(keys.release_pointer("parcels"))
    wrong = "wrong release pointer: nothing instead of version 2"
    lines = shown(capsys, "reconcile", "parcels", "--dry-run", status=1)
    assert lines[1:] == [wrong, "dry run nothing was repaired; ./nightshift reconcile parcels"]
    assert main(["reconcile", "parcels", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["wrong"], found["left"]) == (["release pointer: nothing instead of version 2"], [])
    assert shown(capsys, "reconcile", "parcels") == agreed


def test_reconcile_says_what_it_could_not_repair(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    for info in [info for info in nights.store.list("parcels/") if info.key.endswith("model.skops")]:
        nights.store.delete(info.key)
    lines = shown(capsys, "reconcile", "parcels", status=1)
    assert lines[1] == "wrong release of version 2: model.skops is missing"
    assert lines[2].startswith("left release of version 2: file://")
    assert "nothing holds the bytes of model.skops any more" in lines[2]


@pytest.mark.usefixtures("nights")
def test_without_a_name_of_ours_the_systems_user_did_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NIGHTSHIFT_USER")
    assert shown(capsys, "pin", "parcels", *BECAUSE)[1] == f"entry 7 by {getpass.getuser()}: late parcels in [Oslo]"


@pytest.mark.usefixtures("nights")
def test_nobody_does_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def unknown() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.delenv("NIGHTSHIFT_USER")
    monkeypatch.setattr(getpass, "getuser", unknown)
    assert main(["pin", "parcels", *BECAUSE]) == 2
    assert "this system does not know your name" in capsys.readouterr().err
