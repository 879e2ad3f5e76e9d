"""Fail runs, and read what their owner is sent: by a real SMTP conversation and a real HTTP post."""

from __future__ import annotations

import email
import email.policy
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from include.domain.errors import CandidateRejectedError, SourceDataError
from tests.airflow_fixtures import write_decision
from tests.orchestration.conftest import Script
from tests.orchestration.test_retrain_run import run
from tests.sinks import smtp_sink, webhook_sink

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db", "_plugins")]


@pytest.fixture(scope="module")
def _plugins() -> None:
    """Register the plugins' listeners, as the scheduler does at its start."""
    from airflow.listeners.listener import get_listener_manager

    assert any(type(plugin).__name__ == "OwnerListener" for plugin in get_listener_manager().pm.get_plugins())


@pytest.fixture
def rejecting(script: Script, home: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Let promote write a REJECT to the ledger and fail, as the real one does."""

    def promote(inputs: Any) -> None:
        write_decision(inputs.store_url, "shop", run_id=inputs.origin.run_id, verdict="REJECT")
        raise CandidateRejectedError("shop", "a gate failed")

    monkeypatch.setattr(script, "promote", promote)
    return script


def smtp_connection(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "nightshift@example.org", "timeout": 5}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))


def told() -> None:
    from include.orchestration.notify import TELLER

    TELLER.wait(20)


def read(message: str) -> tuple[Any, str]:
    parsed = email.message_from_string(message, policy=email.policy.default)
    body = parsed.get_body(("html",))
    assert body is not None
    return parsed, body.get_content()


def test_the_owner_of_a_rejected_candidate_gets_one_email(
    projects_dir: Path, rejecting: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example.org")
    with smtp_sink() as (port, messages):
        smtp_connection(monkeypatch, port)
        dag_run = run()
        told()
    assert dag_run.state == "failed"
    assert len(messages) == 1
    parsed, body = read(messages[0])
    assert parsed["To"] == "ada@example.org"
    assert parsed["From"] == "nightshift@example.org"
    assert parsed["Subject"] == "[nightshift] shop 2013-04-01: REJECT, there is still no champion"
    assert "gate minimum roc_auc: demanded &gt;= 0.6, got 0.5100" in body
    assert "leak_alarm" not in body  # it passed
    assert "See http://airflow.example.org/nightshift/decision/shop__retrain/manual__" in body


def test_the_owner_of_a_failed_run_is_told_which_task_and_why(
    projects_dir: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.failures["ingest"] = [SourceDataError("shop/landing", "no rows", got="0", hint="load it")]
    with smtp_sink() as (port, messages):
        smtp_connection(monkeypatch, port)
        run()
        told()
    assert len(messages) == 1
    parsed, body = read(messages[0])
    assert parsed["Subject"] == "[nightshift] shop 2013-04-01: the run failed"
    assert "task ingest [0], try 1: SourceDataError: shop/landing: no rows; got: 0; hint: load it" in body
    assert "/dags/shop__retrain/runs/manual__" in body


def test_slack_is_told_through_its_webhook(
    projects_dir: Path, rejecting: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook_sink() as (port, bodies):
        connection = {"conn_type": "slackwebhook", "password": f"http://127.0.0.1:{port}/services/T/B/x"}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
        run()
        told()
    assert len(bodies) == 1
    assert json.loads(bodies[0])["text"].startswith("Ada: shop, as of 2013-04-01: REJECT, there is still no champion")


def test_without_a_connection_the_log_says_it(
    projects_dir: Path, rejecting: Script, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="include.orchestration.notify"):
        run()
        told()
    lines = [record.getMessage() for record in caplog.records if record.name == "include.orchestration.notify"]
    assert len(lines) == 1
    assert lines[0].startswith(
        "told Ada <ada@example.org>: shop, as of 2013-04-01: REJECT, there is still no champion | "
    )


def test_a_dead_mail_server_fails_nothing(
    projects_dir: Path, rejecting: Script, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    smtp_connection(monkeypatch, 1)
    dag_run = run()
    told()
    assert dag_run.state == "failed"
    assert "send_email failed: [nightshift] shop 2013-04-01: REJECT, there is still no champion" in caplog.text


def test_a_green_run_tells_nobody(
    projects_dir: Path, script: Script, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.verdict = "HOLD"
    with smtp_sink() as (port, messages):
        smtp_connection(monkeypatch, port)
        run()
        told()
    assert messages == []


def test_a_failure_is_told_once_and_a_new_failure_of_the_cleared_run_again() -> None:
    from include.orchestration.notify import FailedRun, Notifier

    delivered: list[FailedRun] = []
    teller = Notifier(delivered.append)
    first, again = (FailedRun("shop__retrain", "r", clear_number, "2013-04-01") for clear_number in (0, 1))
    for failed in (first, first, again, first):
        teller.tell(failed)
    teller.wait()
    assert delivered == [first, again]


def test_telling_does_not_hold_up_the_scheduler() -> None:
    import threading
    import time

    from include.orchestration.notify import FailedRun, Notifier

    release = threading.Event()
    teller = Notifier(lambda failed: release.wait(10) and None)
    begun = time.monotonic()
    teller.tell(FailedRun("shop__retrain", "r", 0, "2013-04-01"))
    assert time.monotonic() - begun < 1
    teller.wait(0.05)
    release.set()
    teller.wait()
