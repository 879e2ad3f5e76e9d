"""Work on what an older version left: its store, its MLflow database and its project (tests/samples/older_store)."""

from __future__ import annotations

import json
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.cli.app import main
from include.config.identity import model_code
from include.domain.clock import NOW_VARIABLE
from include.domain.promotion_rules import ROLLED_BACK
from include.domain.results import Origin, PartitionInputs, ScoreInputs
from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.local_store import LocalStore
from include.io.models import read_candidate
from include.operations.backup.copying import move_addresses
from include.operations.reconcile import check_ledger
from include.stages import build_features, ingest, score, validate
from include.stages.evaluate.measurements import measurement_fingerprint
from tests.support.model_nights import NO_PROCESS, make_project
from tests.support.whole_nights import Task, WholeNight

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "older_store" / "home.tar.xz"
MADE_AT = "file:///srv/nightshift/store"
NEXT, AGAIN = date(2024, 3, 17), date(2024, 3, 16)
VERDICTS = ["PROMOTE", "HOLD", "HOLD", "REJECT", "PROMOTE", "PROMOTE"]
# each night's champion and its roc_auc, on the older version's own page
AS_SHOWN_THEN = [("1", "0.8411"), ("1", "0.8542"), ("1", "0.8621"), ("4", "0.8835"), ("4", "0.8964")]

# every kind of gate that says how something is measured
MEASURING: list[dict[str, Any]] = [
    {"kind": "value", "min_gain": 1.0},
    {"kind": "slice", "metric": "roc_auc"},
    {"kind": "not_worse_than_champion", "metric": "roc_auc", "margin": 0.01},
    {"kind": "not_worse_than_champion", "metric": "brier_score", "margin": 0.01},
    {"kind": "fairness", "by": ["city"], "max_equalized_odds_difference": 0.2},
    {"kind": "calibration", "max_ece": 0.1},
    {"kind": "better_than_champion", "metric": "roc_auc", "margin": 0.0},
    {"kind": "beats_baseline", "metric": "roc_auc", "margin": 0.0},
]
MEASURED_BY_THEN = "58f189d54062a7e0"


class Home(WholeNight):
    """Be the home where it is unpacked, and play a further night in it."""

    @property
    def tracking_url(self) -> str:
        """Return MLflow's address."""
        return f"sqlite:///{self.folder / 'mlflow' / 'mlflow.db'}"

    @property
    def store(self) -> LocalStore:
        """Return the store."""
        return LocalStore(self.url)

    @property
    def ledger(self) -> Ledger:
        """Return the ledger, read anew."""
        return Ledger(self.store, "shop")

    def night(self) -> dict[Task, Any]:
        """Run every stage of the night, and return the receipts."""
        for task in self.tasks():
            self.results[task] = self.run(task)
        return self.results


@pytest.fixture
def older(home: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return the older version's home, unpacked elsewhere; it is the morning after the night of 2024-03-17."""
    with tarfile.open(SAMPLE) as archive:
        # Python 3.11 has filters since its fourth patch only
        archive.extractall(home, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    move_addresses(home / "mlflow" / "mlflow.db", MADE_AT, f"file://{home / 'store'}")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
    monkeypatch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv(NOW_VARIABLE, "2024-03-18T03:00:00+00:00")
    return Home(home, as_of=NEXT, run_id="a further night", named_runs=False)


@pytest.fixture
def asked(older: Home, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a caller of commands, which hands back what they print as JSON."""

    def ask(*command: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert main([*command, "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return ask


def test_status_ledger_and_every_decision_are_shown(
    older: Home, asked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    [shop] = asked("status")["projects"]
    assert (shop["decisions"], shop["champion"]["version"], shop["champion"]["as_of"]) == (6, "6", "2024-03-16")
    assert shop["champion"]["value"] == pytest.approx(0.896047, abs=1e-6)
    assert (shop["last_decision"]["number"], shop["last_decision"]["verdict"]) == (9, "PROMOTE")
    ledger = asked("ledger", "shop")
    assert [entry["number"] for entry in ledger] == list(range(1, 11))
    assert [entry["verdict"] for entry in ledger if entry["kind"] == "decision"] == VERDICTS
    [rollback] = [entry for entry in ledger if entry["kind"] == "rollback"]
    assert (rollback["version"], rollback["origin"]["triggered_by"]) == ("1", "ada")
    check_ledger(older.store, "shop", older.ledger.entries())
    for entry in ledger:
        found = asked("decision", "shop", str(entry["number"]))["decision"]
        assert found["decision_id"] == entry["decision_id"]
    for number in ("5", "8", "10"):
        assert main(["decision", "shop", number, "--all"]) == 0
        assert "beats_baseline" in capsys.readouterr().out


def test_its_history_says_the_same_once_more_of_what_was_measured_then(older: Home, asked: Any) -> None:
    decisions = [read_decision(older.store, "shop", entry.decision_id) for entry in older.ledger.entries()]
    # what nobody declared otherwise is not measured again
    assert {decision.measured_by for decision in decisions} == {measurement_fingerprint(older.project)}
    # judged by the rules as they are declared now, without the gate that nobody passed and without the rollback
    judged = ["PROMOTE", "HOLD", "HOLD", "PROMOTE", "HOLD", "HOLD"]
    for _ in range(2):
        found = asked("history", "shop")
        assert [night["decided"] for night in found["nights"]] == VERDICTS
        assert [night["verdict"] for night in found["nights"]] == judged
        rivals = [(night["champion"]["version"], f"{night['champion_value']:.4f}") for night in found["nights"][1:]]
        assert rivals == AS_SHOWN_THEN
        assert found["champion_in_production"]["version"] == "6"


def test_what_is_declared_about_measuring_is_named_as_it_was_then(tmp_path: Path) -> None:
    value = {"currency": "EUR", "true_positive": 9.0, "false_positive": -2.0}
    more: dict[str, Any] = {"protected": ["city"], "value": value, "metrics": {"also": ["brier_score"]}}
    for gates in (MEASURING, MEASURING[::-1]):
        assert measurement_fingerprint(make_project(tmp_path, gates=gates, **more)) == MEASURED_BY_THEN


@pytest.mark.parametrize("version", ["1", "6"])
def test_a_version_is_made_again_byte_for_byte_and_other_code_is_told(older: Home, asked: Any, version: str) -> None:
    found = asked("reproduce", "shop", version)
    assert (found["status"], found["differences"], found["missing"]) == ("identical", [], [])
    assert found["model_then"] == found["model_now"]
    _, _, record = read_candidate(older.store, "shop", found["candidate_id"])
    told = {each["what"]: (each["then"], each["now"]) for each in found["circumstances"]}
    assert (told.get("code that makes models") == (record.code_fingerprint, model_code(record.estimator))) is (
        record.code_fingerprint != model_code(record.estimator)
    )


def test_release_pointer_and_alias_agree_with_its_ledger(asked: Any) -> None:
    found = asked("reconcile", "shop", "--dry-run")
    assert (found["wrong"], found["left"]) == ([], [])


def test_a_further_night_compares_its_champion_and_keeps_it_or_not_by_proof(older: Home, asked: Any) -> None:
    before = older.ledger.entries()
    receipts = older.night()
    entries = older.ledger.entries()
    assert entries[: len(before)] == before
    check_ledger(older.store, "shop", entries)
    decision = read_decision(older.store, "shop", receipts[Task("evaluate")].decision_id)
    assert decision.champion is not None
    assert (decision.champion.version, decision.champion.candidate_id) == ("6", before[-1].candidate_id)
    assert decision.challenger.version == "7"
    assert decision.holdout_rows == 114
    # both were measured on the same rows, and compared row by row
    assert set(decision.champion.holdout) == set(decision.challenger.holdout)
    assert decision.measurements.differences and decision.measurements.runtime is not None
    assert (decision.verdict, receipts[Task("promote")].champion_version) == ("HOLD", "6")
    assert [night["decided"] for night in asked("history", "shop")["nights"]] == [*VERDICTS, "HOLD"]
    assert asked("reproduce", "shop", "7")["status"] == "identical"
    # what was prepared again once stays
    assert older.run(Task("plan")).stale == 0
    assert asked("rollback", "shop", "--reason", "as before")["after"]["version"] == "1"
    assert asked("reconcile", "shop", "--dry-run")["wrong"] == []


def test_its_champion_is_rolled_back_and_what_was_stays_out(older: Home, asked: Any) -> None:
    barred = older.ledger.in_force().barred
    assert asked("rollback", "shop", "--reason", "dear orders")["after"]["version"] == "1"
    assert older.ledger.in_force().barred == {*barred, older.ledger.entries()[8].candidate_id}
    assert asked("status")["projects"][0]["champion"]["version"] == "1"
    assert asked("promote", "shop", "5", "--reason", "it was right after all")["after"]["version"] == "5"
    assert asked("reconcile", "shop", "--dry-run")["wrong"] == []


def test_what_is_rolled_back_stays_out_though_other_code_gives_it_another_id(older: Home, asked: Any) -> None:
    asked("rollback", "shop", "--reason", "dear orders")
    # a process for each judgement takes seconds, and nothing here is about serving
    older.shop.declare(**{**yaml.safe_load((older.shop.folder / "project.yaml").read_text()), "gates": NO_PROCESS})
    older.as_of = AGAIN
    evaluated = older.night()[Task("evaluate")]
    # the id is another one than then, whatever has changed of the code: the night has another lock
    assert evaluated.candidate_id not in older.ledger.in_force().barred
    assert (evaluated.verdict, evaluated.reason) == ("HOLD", ROLLED_BACK)
    assert older.ledger.champion().version == "1"
    asked("promote", "shop", "7", "--reason", "it was right after all")
    older.run_id = "once more"
    assert older.night()[Task("evaluate")].reason == "the challenger is champion 7 itself: a tie"


def test_its_predictions_stay_and_a_new_day_is_scored_by_its_champion(older: Home) -> None:
    given: dict[str, Any] = {**older.inputs(), "origin": Origin(run_id="score")}
    known = date(2024, 3, 16)
    there = older.store.get(keys.predictions_manifest("shop", known))
    again = score.run(older.project, ScoreInputs(**{**given, "as_of": known}))
    assert (again.written, again.version, again.rows) == (False, "6", 59)
    assert older.store.get(keys.predictions_manifest("shop", known)) == there
    for stage in (ingest, validate, build_features):
        stage.run(older.project, PartitionInputs(days=(NEXT,), **given))
    scored = score.run(older.project, ScoreInputs(**given))
    assert (scored.written, scored.version, scored.rows) == (True, "6", 59)


def test_retention_knows_what_everything_is_and_leaves_what_is_needed(
    older: Home, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    [plan] = asked("retention", "shop", "--dry-run")["projects"]
    assert plan["unknown"] == []
    with (older.shop.folder / "project.yaml").open("a") as declaration:
        declaration.write("keep: {raw_days: 8, features_days: 8, versions: 2}\n")
    # what is young is spared, whatever it is
    monkeypatch.setenv(NOW_VARIABLE, "2024-04-18T03:00:00+00:00")
    [done] = asked("retention", "shop")["projects"]
    assert done["unknown"] == []
    names = [one["name"].split(" (")[0] for one in done["removed"] if one["kind"] == "versions"]
    assert {name for name in names if name.startswith("version ")} == {"version 2", "version 3", "version 4"}
    assert len([one for one in done["removed"] if one["kind"] == "raw"]) == 4
    assert asked("reconcile", "shop", "--dry-run")["wrong"] == []
    check_ledger(older.store, "shop", older.ledger.entries())
    assert asked("reproduce", "shop", "6")["status"] == "identical"
    assert asked("rollback", "shop", "--reason", "it still loads")["after"]["version"] == "1"
