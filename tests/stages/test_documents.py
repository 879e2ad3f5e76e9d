"""What people read about a decision is there before anybody is asked, whole, and linked from MLflow."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient

from include.domain.explanation import Explanation
from include.io import keys
from include.io.ledger import read_decision
from include.io.tracking_database import busy_safe
from include.stages.evaluate import context, documents
from tests.support.model_nights import FIRST, Nights, make_project
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
LATER = AS_OF + timedelta(days=1)
NAMES = {"decision.json", "explanation.json", keys.REPORT, keys.DATA_REPORT, keys.MODEL_CARD}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    copy_prepared(prepared_tracking, folder)
    nights = Nights(folder, make_project(folder))
    nights.night(AS_OF)
    nights.evaluate(LATER)
    return nights


@pytest.fixture
def nights(played: Nights, tmp_path: Path) -> Nights:
    shutil.copytree(played.folder, tmp_path / "copy")
    return Nights(tmp_path / "copy", played.project, results=played.results)


def _documents(nights: Nights, decision_id: str) -> dict[str, bytes]:
    listed = nights.store.list(f"parcels/decisions/{decision_id}/")
    return {info.key.rpartition("/")[2]: nights.store.get(info.key) for info in listed}


def test_all_documents_are_there_when_evaluate_ends(nights: Nights) -> None:
    result = nights.evaluate(LATER)
    found = _documents(nights, result.decision_id)
    assert found.keys() == NAMES
    assert result.report_uri == nights.store.uri(keys.decision_report("parcels", result.decision_id))
    explained = Explanation.model_validate_json(found["explanation.json"])
    assert set(explained.curves) == {"challenger", "champion"}
    assert {each.feature for each in explained.importance} == {"weight", "distance", "city"}
    assert explained.data is not None
    assert [day.holdout for day in explained.data.days] == [False] * 6 + [True] * 2
    for name in (keys.REPORT, keys.DATA_REPORT):
        assert found[name].startswith(b"<!doctype html>")
    assert b'href="data.html"' in found[keys.REPORT]
    assert "Which parcels arrive late" in found[keys.MODEL_CARD].decode()


def test_mlflow_leads_to_the_documents(played: Nights) -> None:
    nights = played
    decision = read_decision(nights.store, "parcels", nights.judge(LATER, tuple(nights.results)).decision_id)
    client = MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))
    run = client.get_run(decision.challenger.tracking_run_id)
    version = client.get_model_version("parcels", decision.challenger.version)
    for tags in (run.data.tags, version.tags):
        for tag, name in {"decision": "decision.json", "report": keys.REPORT, "model_card": keys.MODEL_CARD}.items():
            assert tags[tag] == nights.store.uri(keys.decision_document("parcels", decision.decision_id, name))
    card = nights.store.get(keys.model_card("parcels", decision.decision_id)).decode()
    assert version.description == card[:5000]


@pytest.mark.parametrize("part", ["render", "render_data", "model_card", "read_rows"])
def test_what_cannot_be_drawn_ends_no_night(nights: Nights, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    def fails(*_: object) -> str:
        raise ValueError("too large to draw")

    decision_id = nights.evaluate(LATER).decision_id
    for name in NAMES - {"decision.json"}:
        nights.store.delete(keys.decision_document("parcels", decision_id, name))
    monkeypatch.setattr(context if part == "read_rows" else documents, part, fails)
    assert nights.evaluate(LATER).decision_id == decision_id
    found = _documents(nights, decision_id)
    # without the rows of the window there is no data report
    assert found.keys() == (NAMES if part != "read_rows" else NAMES - {keys.DATA_REPORT})
    noted = [name for name, content in found.items() if b"ValueError: too large to draw" in content]
    assert noted


def test_what_a_killed_try_did_not_write_is_written_by_the_next(nights: Nights) -> None:
    decision_id = nights.evaluate(LATER).decision_id
    before = _documents(nights, decision_id)
    for gone in ({keys.REPORT}, {keys.REPORT, keys.MODEL_CARD}, NAMES - {"decision.json"}):
        for name in gone:
            key = keys.decision_document("parcels", decision_id, name)
            nights.store.delete(key)
        assert nights.evaluate(LATER).decision_id == decision_id
        assert _documents(nights, decision_id) == before


def test_a_report_that_is_there_is_left_alone(nights: Nights) -> None:
    decision_id = nights.evaluate(LATER).decision_id
    nights.store.put(keys.decision_report("parcels", decision_id), b"as it was")
    nights.evaluate(LATER, "another run")
    assert nights.store.get(keys.decision_report("parcels", decision_id)) == b"as it was"


def test_a_candidate_that_cannot_be_read_has_a_report_too(nights: Nights) -> None:
    healthy = nights.evaluate(LATER)
    for each in nights.results:
        nights.store.put(keys.model_file("parcels", each.candidate_id, "model.skops"), b"changed")
    broken = nights.judge(LATER, tuple(nights.results))
    assert (broken.verdict, broken.decision_id == healthy.decision_id) == ("REJECT", False)
    found = _documents(nights, broken.decision_id)
    assert found.keys() == NAMES - {keys.DATA_REPORT}
    assert b"the bytes are not those the manifest names" in found[keys.REPORT]
    assert "REJECT" in found[keys.MODEL_CARD].decode()
