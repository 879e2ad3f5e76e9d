from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer

from include.cli.app import ABOUT_DOCKER, app, main
from include.config.settings import ROOT
from include.domain.decision import Decision, GateResult, LedgerEntry, ModelSummary
from include.domain.results import Origin, Span
from include.io import keys
from include.io.ledger import Ledger
from include.io.stores import open_store
from tests.config.broken_declarations import BROKEN, write_all

COMMANDS = (
    *("run", "up", "down", "backfill", "answer", "status", "decision", "ledger", "history", "reproduce"),
    *("promote", "rollback", "pin", "unpin", "reconcile"),
    *("check", "airflow", "test", "lint", "retention", "backup", "restore", "demo", "namespace"),
    *("audit", "changed-projects", "comment", "image", "release-notes"),
    *("ps", "logs", "secrets"),
)
DAY = date(2026, 1, 2)


@pytest.fixture
def recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> Decision:
    """Write one promotion of telco_churn to the home's store, by the ledger itself."""
    monkeypatch.setenv("COLUMNS", "200")
    store = open_store(f"file://{home / 'store'}")
    decision = a_decision()
    key = keys.decision("telco_churn", decision.decision_id)
    store.put(key, decision.model_dump_json().encode())
    for kind in ("decision", "promotion"):
        Ledger(store, "telco_churn").append(
            lambda number, _, kind=kind: LedgerEntry(
                number=number,
                kind=kind,
                project="telco_churn",
                as_of=DAY,
                made_at=decision.made_at,
                verdict="PROMOTE",
                reason=decision.reason,
                decision_id=decision.decision_id,
                decision_uri=store.uri(key),
                report_uri=store.uri(keys.decision_report("telco_churn", decision.decision_id)),
                candidate="xgboost",
                candidate_id="c1",
                version="7",
                origin=decision.origin,
            )
        )
    return decision


def a_decision() -> Decision:
    gate = GateResult(kind="minimum", metric="roc_auc", threshold=">= 0.8", value=0.84567, passed=True)
    worse = GateResult(kind="maximum", metric="brier_score", threshold="<= 0.1", value=0.2, passed=False, note="[bold]")
    unjudged = GateResult(
        kind="better_than_champion",
        metric="roc_auc",
        threshold="> champion",
        value=None,
        passed=True,
        note="no champion as of this day",
        outcome="not_applicable",
    )
    off = GateResult(
        kind="fairness", metric="gap", threshold="", value=None, passed=True, because="the desk decides", outcome="off"
    )
    model = ModelSummary(
        candidate="xgboost", candidate_id="c1", estimator="xgboost", as_of=DAY, holdout={"roc_auc": 0.84567}
    )
    return Decision(
        decision_id="d1",
        project="telco_churn",
        as_of=DAY,
        verdict="PROMOTE",
        reason="all [gates] passed",
        made_at=datetime(2026, 1, 3, tzinfo=UTC),
        train=Span(first=date(2025, 11, 1), last=date(2025, 12, 18)),
        holdout=Span(first=date(2025, 12, 19), last=DAY),
        holdout_rows=100,
        train_rows=300,
        positive_rate=0.25,
        primary_metric="roc_auc",
        challenger=model,
        champion=model.model_copy(update={"holdout": {"roc_auc": 0.8111}}),
        baseline={"roc_auc": 0.5},
        gates=(gate, worse, unjudged, off),
        data_fingerprint="f",
        code_fingerprint="c",
        origin=Origin(run_id="r"),
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Example: ./nightshift {command}" in capsys.readouterr().out


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f" {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize(
    "command", [*(command for command in COMMANDS if command != "airflow"), "namespace ls", "namespace rm", "demo load"]
)
def test_help_is_whole_and_flows_at_80_columns_and_shows_a_value_for_no_flag(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert "<bool>" not in shown
    assert "[[" not in shown
    lines = [line.strip() for line in shown.split("╭")[0].splitlines()]
    for line, next_line in itertools.pairwise(lines):
        # a line ends where the next word would not have fitted, or a paragraph does
        assert not line or not next_line or len(line) + 1 + len(next_line.split()[0]) > 78


ON_THE_DOCKER_STACK = (
    *("run", "backfill", "answer", "status", "decision", "ledger", "history", "reproduce"),
    *("promote", "rollback", "pin", "unpin", "reconcile", "retention", "check", "airflow"),
    *("namespace ls", "namespace rm", "demo load"),
)


@pytest.mark.parametrize("command", ON_THE_DOCKER_STACK)
def test_a_command_for_the_docker_stack_says_so_and_goes_there(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert "--docker" in capsys.readouterr().out
    monkeypatch.setenv("PATH", str(tmp_path))
    for arguments in ([*command.split(), "--docker"], ["--docker", *command.split()]):
        assert main(arguments) == 2
        assert capsys.readouterr().err.startswith("docker: the program is missing")


@pytest.mark.parametrize("command", ["ps", "logs", "secrets", "lint", "image build", "audit", "release-notes v1"])
def test_a_command_that_means_nothing_in_the_docker_stack_refuses_the_option(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command.split(), "--docker"]) == 2
    assert "--docker" in capsys.readouterr().err


def test_every_command_with_the_option_is_tried() -> None:
    def commands(command: Any, name: str) -> dict[str, Any]:
        under = getattr(command, "commands", None)
        if under is None:
            return {name: command}
        return {path: one for word, each in under.items() for path, one in commands(each, f"{name} {word}").items()}

    everything = commands(typer.main.get_command(app), "")
    with_option = {
        name.strip() for name, one in everything.items() if any("--docker" in each.opts for each in one.params)
    }
    assert with_option == {*ON_THE_DOCKER_STACK, *ABOUT_DOCKER}


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["run", "telco_chrun"],
            2,
            "got: 'telco_chrun'; allowed: flight_delay, telco_churn; hint: Did you mean 'telco_churn'?",
        ),
        (["run", "--as-of", "2013-6-1"], 2, "option --as-of: not a day; got: '2013-6-1'; allowed: YYYY-MM-DD"),
        (["run", "--as-of", "2013-02-30"], 2, "option --as-of: not a day; got: '2013-02-30'"),
        (["run", "--as-of", "2999-01-01"], 2, "the day of the run: the day is not complete yet; got: 2999-01-01"),
        (
            ["decision", "telco_churn"],
            1,
            "the ledger of telco_churn: no decision yet; hint: ./nightshift run telco_churn",
        ),
        (["run", "telco_churn", "--window-days", "9"], 2, "option --window-days: not a window of this project; got: 9"),
        (["answer", "telco_churn"], 2, "Airflow: it is not running, so nothing can be answered; hint: ./nightshift up"),
        (["answer", "telco_churn", "reject"], 2, "option --reason: a rejection needs a reason"),
        (["status", "nothing"], 2, "no such project; got: 'nothing'"),
        (["check", "nothing"], 2, "no such project; got: 'nothing'"),
        (["demo", "load", "nothing", "--from", "2013-01-01", "--to", "2013-01-02"], 2, "no such feed; got: 'nothing'"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_mistake_is_one_line_without_a_traceback(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    shown = capsys.readouterr()
    assert message in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert shown.out == ""


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["run", "--nothing"], ["decision"], ["run", "--window-days", "many"], ["answer", "shop", "perhaps"]],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "NIGHTSHIFT_AIRFLOW_PORT",
            "70000",
            "environment variable NIGHTSHIFT_AIRFLOW_PORT: a port is needed; got: '70000'",
        ),
        ("NIGHTSHIFT_STORE_URL", "ftp://x", "the object store's URL: unknown scheme; got: ftp://x"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_wrong_setting_is_named(
    variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["status"]) == 2
    assert message in capsys.readouterr().err


def test_debugging_shows_the_traceback(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.domain.errors import UnknownProjectError

    monkeypatch.setenv("NIGHTSHIFT_DEBUG", "1")
    with pytest.raises(UnknownProjectError):
        main(["status", "nothing"])


@pytest.mark.usefixtures("recorded")
def test_damaged_records_of_one_project_hide_no_other(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_store(f"file://{home / 'store'}").put(keys.ledger_entry("flight_delay", 1), b"{")
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [project["champion"]["version"] for project in told["projects"]] == ["7"]
    assert list(told["damaged"]) == ["flight_delay"]
    assert "ledger/00000001.json" in told["damaged"]["flight_delay"]
    assert main(["status"]) == 0
    assert "flight_delay: its records cannot be read" in capsys.readouterr().err
    assert main(["status", "flight_delay"]) != 0


def test_status_ledger_and_decision_tell_the_same(recorded: Decision, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "telco_churn", "--json"]) == 0
    (project,) = json.loads(capsys.readouterr().out)["projects"]
    assert main(["ledger", "telco_churn", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert main(["decision", "telco_churn", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert project["champion"] == {
        "version": "7",
        "as_of": "2026-01-02",
        "candidate": "xgboost",
        "metric": "roc_auc",
        "value": 0.84567,
        "ledger_number": 2,
    }
    assert project["last_decision"]["number"] == 1
    assert [entry["kind"] for entry in entries] == ["decision", "promotion"]
    assert shown["entry"] == entries[0]
    assert Decision.model_validate(shown["decision"]) == recorded


@pytest.mark.usefixtures("recorded")
def test_a_decision_shows_every_gate_with_all_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decision", "telco_churn", "2", "--all"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.split()}
    assert shown.startswith("PROMOTE  decision 2 of telco_churn as of 2026-01-02: all [gates] passed")
    assert lines["minimum"] == [
        "minimum",
        "roc_auc",
        ">=",
        "0.8",
        "0.8457",
        "0.8111",
        "0.5000",
        "pass",
    ]
    assert "FAIL" in lines["maximum"] and "[bold]" in lines["maximum"]
    assert "version 7 of 2026-01-02 (xgboost)" in shown
    assert "telco_churn/decisions/d1/report.html" in shown


@pytest.mark.usefixtures("recorded")
def test_a_decision_tells_of_what_did_not_pass_and_counts_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decision", "telco_churn"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[0]: " ".join(line.split()) for line in shown.splitlines() if line.split()}
    assert "minimum" not in lines
    assert lines["maximum"].startswith("maximum brier_score <= 0.1 0.2000") and "FAIL" in lines["maximum"]
    assert "n/a no champion as of this day" in lines["better_than_champion"]
    assert lines["fairness"].endswith("off the desk decides")
    assert "1 of 2 gates passed, 1 failed; 1 not applicable, 1 off" in lines["gates"]
    assert "./nightshift decision telco_churn 1 --all" in shown


@pytest.mark.usefixtures("recorded")
def test_a_narrow_terminal_loses_no_number(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["decision", "telco_churn", "--all"]) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert re.search(r"^ ?minimum +>= 0.8 +0.8457 +0.8111 +pass *$", shown, re.MULTILINE)


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("command", [["status"], ["ledger", "telco_churn"], ["decision", "telco_churn", "--all"]])
@pytest.mark.usefixtures("recorded")
def test_days_versions_and_verdicts_are_whole_at_any_width(
    command: list[str], width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert {"2026-01-02", "7", "PROMOTE"} <= set(shown.replace(":", " ").split())


@pytest.mark.usefixtures("recorded")
def test_a_decision_is_a_comment_on_a_pull_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decision", "telco_churn", "--markdown", "--commit", "unknown"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("### telco_churn: PROMOTE, as of 2026-01-02\n\n**PROMOTE**: all \\[gates\\] passed.\n")
    assert "- **Decision:** 1, d1\n" in shown
    assert main(["decision", "telco_churn", "--markdown", "--commit", "b" * 40]) == 0
    assert "**Note:** Commit bbbbbbbbbbbb led to no decision of its own" in capsys.readouterr().out
    assert main(["decision", "flight_delay", "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("### flight_delay: no decision\n\nThe night made no decision")


@pytest.mark.usefixtures("recorded")
def test_an_entry_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decision", "telco_churn", "9"]) == 1
    assert "the ledger of telco_churn: no such entry; got: 9; allowed: 1 to 2" in capsys.readouterr().err


@pytest.mark.usefixtures("recorded")
def test_status_and_ledger_are_readable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    shown = capsys.readouterr().out
    assert "version 7 (xgboost)" in shown and "roc_auc 0.8457" in shown and "1: PROMOTE as of 2026-01-02" in shown
    assert "flight_delay" in shown and "none yet" in shown
    assert "not running; ./nightshift up starts it" in shown
    assert main(["ledger", "telco_churn"]) == 0
    assert "all [gates] passed" in capsys.readouterr().out


def test_check_shows_all_problems_of_all_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    projects = tmp_path / "projects"
    shutil.copytree(ROOT / "include/projects", projects)
    declared = projects / "telco_churn/project.yaml"
    text = declared.read_text(encoding="utf-8")
    declared.write_text(
        text.replace("problem: binary", "problem: binry").replace("days: 60", "days: sixty"), encoding="utf-8"
    )
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(projects))
    assert main(["check"]) == 2
    shown = capsys.readouterr()
    assert "flight_delay: valid" in shown.out
    assert "problem" in shown.err and "binry" in shown.err and "sixty" in shown.err
    assert "in 1 project" in shown.err
    assert main(["check", "flight_delay"]) == 0
    assert main(["check", "telco_churn"]) == 2


def test_check_prints_the_message_of_every_broken_declaration_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_all(tmp_path)
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(tmp_path))
    assert main(["check"]) == 2
    shown = capsys.readouterr()
    messages = [message for case in BROKEN for message in case.messages]
    assert len(BROKEN) >= 25
    assert shown.out == "a_good_one: valid\n"
    *printed, count = shown.err.splitlines()
    assert sorted(printed) == sorted(messages)
    assert count == f"{len(messages)} problems in {len(BROKEN)} projects"


def test_check_of_a_folder_without_projects_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(tmp_path))
    assert main(["check"]) == 2
    assert f"{tmp_path}: no project here" in capsys.readouterr().err


def test_a_warm_status_is_fast_and_loads_no_heavy_library(home: Path) -> None:
    code = """
import sys
from include.cli.app import main
status = main(["status"])
heavy = {"pandas", "numpy", "sklearn", "mlflow", "airflow", "boto3", "sqlalchemy"} & set(sys.modules)
assert not heavy, heavy
sys.exit(status)
"""
    environ = {**os.environ, "NIGHTSHIFT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    began = os.times().children_user
    subprocess.run([sys.executable, "-P", "-c", code], env=environ, check=True, capture_output=True)
    # the processor's time: the wall's depends on who else is working
    assert os.times().children_user - began < 3
