"""Ask for retention at the door: what is printed, what JSON holds, and which exit status it is."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from include.cli import retention
from include.cli.app import main
from include.domain.clock import NOW_VARIABLE
from include.domain.results import Origin
from include.io import keys
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, put_file, write_manifest
from tests.support.tracking import copy_prepared

NEWEST = date(2024, 3, 1)
OLD = NEWEST - timedelta(days=900)


@pytest.fixture
def store(home: Path, prepared_tracking: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """Return the home's store, two days later, with one day of features that is too old and one that is not."""
    monkeypatch.setenv("COLUMNS", "220")
    monkeypatch.setenv("NIGHTSHIFT_TRACKING_URL", copy_prepared(prepared_tracking, home))
    store = LocalStore(f"file://{home / 'store'}")
    for day in (OLD, NEWEST):
        rows = keys.features_rows("telco_churn", day, "f" * 16)
        manifest = Manifest(
            kind="features",
            project="telco_churn",
            day=day,
            fingerprint="f",
            files={"rows": put_file(store, rows, b"x" * 1000)},
            origin=Origin(run_id="r"),
            made_at=datetime(2024, 3, 1, tzinfo=UTC),
        )
        write_manifest(store, keys.features_manifest("telco_churn", day), manifest)
    store.put("telco_churn/notes.txt", b"mine")
    monkeypatch.setenv(NOW_VARIABLE, (datetime.now(UTC) + timedelta(days=2)).isoformat())
    return store


def _size(store: LocalStore) -> int:
    return sum(one.size for one in store.list())


def test_a_dry_run_says_what_would_go_and_why(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    before = _size(store)
    assert main(["retention", "telco_churn", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0].startswith("telco_churn: 2 objects, 1,") and lines[0].endswith("would go")
    [features] = [line for line in lines if line.startswith("features 1 2 ")]
    assert features.endswith(f"{OLD} {OLD} features older than keep.features_days, that no kept version was made from")
    assert any("keep.features_days: the newest day and 730 before it" in line for line in lines)
    assert f"unknown, never touched:\n  {store.uri('telco_churn/notes.txt')}" in shown
    assert _size(store) == before


def test_json_names_the_bytes_that_are_freed(store: LocalStore, capsys: pytest.CaptureFixture[str]) -> None:
    before = _size(store)
    assert main(["retention", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    found = {project["project"]: project for project in said["projects"]}
    assert set(found) == {"flight_delay", "telco_churn"}
    assert said["failed"] == {}
    assert (found["flight_delay"]["files"], found["flight_delay"]["size"]) == (0, 0)
    telco = found["telco_churn"]
    assert (telco["dry_run"], telco["files"], telco["size"]) == (False, 2, before - _size(store))
    [removed] = telco["removed"]
    assert (removed["kind"], removed["name"], removed["left"]) == ("features", OLD.isoformat(), "")
    assert removed["why"] == "older than keep.features_days: 730 before the newest, 2024-03-01"
    assert telco["unknown"] == [store.uri("telco_churn/notes.txt")]


def test_a_damaged_manifest_stops_one_project_and_removes_nothing_of_it(
    store: LocalStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put(keys.features_manifest("telco_churn", NEWEST), b"{}")
    before = [one.key for one in store.list()]
    assert main(["retention", "--json"]) == 1
    shown = capsys.readouterr()
    said = json.loads(shown.out)
    assert [project["project"] for project in said["projects"]] == ["flight_delay"]
    assert "manifest.json: not a Manifest of this version" in said["failed"]["telco_churn"]
    assert "telco_churn: " in shown.err
    assert [one.key for one in store.list()] == before


@pytest.mark.parametrize("arguments", [["retention", "nothing"], ["retention", "telco_churn", "--dry"]])
@pytest.mark.usefixtures("home")
def test_a_mistake_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["retention", "--help"]) == 0
    assert "Example: ./nightshift retention flight_delay --dry-run" in capsys.readouterr().out


def test_bytes_are_not_said_twice() -> None:
    assert retention._amount(0, 0) == "0 objects, 0 bytes"
    assert retention._amount(1, 12_805_244) == "1 object, 12,805,244 bytes (12.8 MB)"
