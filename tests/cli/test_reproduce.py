"""Make a version again by the command: exit status, JSON, tables, and what is kept."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from include.cli.app import main
from include.io import keys
from include.io.ledger import Ledger
from include.io.models import read_candidate
from tests.support.model_nights import FIRST, Nights, make_project
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    copy_prepared(prepared_tracking, folder)
    candidates = [{"name": "linear", "estimator": "logistic_regression", "params": {"C": 1.0}}]
    nights = Nights(folder, make_project(folder, candidates=candidates))
    nights.night(AS_OF)
    return nights


@pytest.fixture(autouse=True)
def _this_store(nights: Nights, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_STORE_URL", nights.store_url)
    monkeypatch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc")


def test_an_identical_version_ends_with_0_though_no_folder_of_the_project_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(tmp_path / "nothing"))
    assert main(["reproduce", "parcels", "1"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("IDENTICAL  version 1 of parcels, as of 2013-04-21 (linear-")
    assert "holdout   measured again: roc_auc 0." in shown.out
    assert "made under other circumstances" in shown.out and "dependency lock" in shown.out
    assert shown.err.splitlines() == [
        "reading 720 rows of 6 days",
        "training linear (logistic_regression): settings 1, folds 2, threads 1",
        "comparing",
    ]


def test_json_is_alone_on_stdout_and_the_model_is_kept(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kept"
    assert main(["reproduce", "parcels", "1", "--json", "--keep", str(folder)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["differences"], found["missing"]) == ("identical", [], [])
    assert {path.name for path in folder.iterdir()} == {
        "model.skops",
        "signature.json",
        "training.json",
        "reproduction.json",
    }
    data = (folder / "model.skops").read_bytes()
    assert hashlib.sha256(data).hexdigest() == found["model_then"] == found["model_now"]
    assert json.loads((folder / "reproduction.json").read_text()) == found
    assert main(["reproduce", "parcels", "1", "--keep", str(folder)]) == 2
    assert f"option --keep: a new or empty folder is needed; got: {folder}" in capsys.readouterr().err


def test_a_number_that_differs_ends_with_1_and_is_shown(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    key = keys.decision("parcels", Ledger(nights.store, "parcels").entries()[0].decision_id)
    whole = nights.store.get(key)
    decision = json.loads(whole)
    decision["challenger"]["cv_mean"] = 0.123
    nights.store.put(key, json.dumps(decision).encode())
    try:
        assert main(["reproduce", "parcels", "1"]) == 1
    finally:
        nights.store.put(key, whole)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("DIFFERENT  version 1 of parcels")
    [told] = [line.split() for line in lines if line.lstrip().startswith("decision: cv mean")]
    assert told[3] == "0.123"


def test_rows_that_are_gone_end_with_1_and_are_named(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    entry = Ledger(nights.store, "parcels").entries()[0]
    _, _, record = read_candidate(nights.store, "parcels", entry.candidate_id)
    key = record.data[0].key
    whole = nights.store.get(key)
    nights.store.delete(key)
    try:
        assert main(["reproduce", "parcels", "1"]) == 1
    finally:
        nights.store.put(key, whole)
    shown = capsys.readouterr().out
    assert shown.startswith("INCOMPLETE  version 1 of parcels")
    assert "sha256 now  not made" in shown
    assert f"missing   feature rows of {record.data[0].day}: {nights.store.uri(key)} is gone; retention" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["parcels", "7"], "the ledger of parcels: no decision on such a version; got: '7'; allowed: 1"),
        (["letters", "1"], "the ledger of letters: no decision in this store yet; hint: ./nightshift run letters"),
        (["../parcels", "1"], "argument PROJECT: not the name of a project; got: '../parcels'"),
    ],
)
def test_a_mistake_is_one_line_and_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert shown.out == ""


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--help"]) == 0
    assert "Example: ./nightshift reproduce flight_delay 3" in capsys.readouterr().out
