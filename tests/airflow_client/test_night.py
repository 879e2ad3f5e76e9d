from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from include.airflow_client.api import AirflowApi
from include.airflow_client.runs import TRIGGER_ATTEMPTS, NightRequest, error_in_log, trigger
from include.config.discovery import load_project
from include.config.settings import ROOT, Settings
from include.demo_feed.feed import days_delivered, days_needed
from include.domain.errors import AirflowApiError


def log(folder: Path, *entries: object) -> Path:
    path = folder / "attempt=1.log"
    path.write_text(
        "\n".join(entry if isinstance(entry, str) else json.dumps(entry) for entry in entries), encoding="utf-8"
    )
    return path


def test_the_newest_exception_of_a_log_is_the_error(tmp_path: Path) -> None:
    path = log(
        tmp_path,
        {"level": "info", "event": "begun"},
        "not JSON at all",
        {"level": "error", "event": "Task failed", "error_detail": [{"exc_type": "ValueError", "exc_value": "first"}]},
        {"level": "error", "event": "Task failed", "error_detail": [{"exc_type": "KeyError", "exc_value": "'second'"}]},
    )
    assert error_in_log(path) == "KeyError: 'second'"


def test_without_an_exception_the_error_line_is_the_error(tmp_path: Path) -> None:
    assert error_in_log(log(tmp_path, {"level": "error", "event": "out of memory"})) == "out of memory"


def test_a_log_without_an_error_and_no_log_are_told_apart(tmp_path: Path) -> None:
    assert error_in_log(log(tmp_path, {"level": "info", "event": "begun"})).startswith("the task's log holds no error")
    assert error_in_log(tmp_path / "none.log").startswith("the task wrote no log")


@pytest.mark.parametrize("name", ["flight_delay", "telco_churn"])
def test_the_demo_days_cover_the_window_and_its_lookback(name: str) -> None:
    project = load_project(Settings.from_environment({}).projects_dir, name)
    as_of = date(2013, 6, 30)
    first, last = days_needed(project, as_of)
    window = project.window
    oldest_used = as_of - timedelta(days=window.label_delay_days + window.days - 1)
    assert last == as_of
    assert first <= oldest_used - timedelta(days=window.lookback_days)
    assert days_needed(project, as_of, window_days=10)[0] > first
    assert project.folder.is_relative_to(ROOT)


@pytest.mark.parametrize("name", ["flight_delay", "telco_churn"])
def test_what_is_delivered_is_enough_for_a_backfill_of_the_week_before_the_newest_day(name: str) -> None:
    project, newest = load_project(Settings.from_environment({}).projects_dir, name), date(2026, 3, 3)
    first, last = days_delivered(project, newest)
    needed = [days_needed(project, newest - timedelta(days=back)) for back in range(8)]
    assert (first, last) == (min(day for day, _ in needed), newest)


@contextmanager
def airflow_that_answers(*statuses: int) -> Iterator[tuple[AirflowApi, list[str]]]:
    """Serve a log-in, and to each request for a run the next of `statuses`; yield the ids of the runs asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 201
            if self.path.startswith("/api/"):
                asked.append(body["dag_run_id"])
                status = statuses[len(asked) - 1]
            self.send_response(status)
            self.end_headers()
            answer = {
                "access_token": "t",
                "dag_run_id": body.get("dag_run_id"),
                "detail": "(sqlite3) database is locked",
            }
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield AirflowApi(f"http://127.0.0.1:{server.server_port}", SecretStr("p")), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


REQUEST = NightRequest("flight_delay", date(2013, 6, 30))


@pytest.mark.parametrize("statuses", [(500, 201), (500, 500, 409)])
def test_a_night_is_asked_for_again_while_the_database_is_locked(statuses: tuple[int, ...]) -> None:
    with airflow_that_answers(*statuses) as (api, asked):
        run_id = trigger(api, REQUEST)
    # it is one and the same run, however often it is asked for
    assert asked == [run_id] * len(statuses)


@pytest.mark.parametrize("statuses", [(409,), (400,), (500,) * TRIGGER_ATTEMPTS])
def test_what_airflow_does_not_take_is_an_error(statuses: tuple[int, ...]) -> None:
    with (
        airflow_that_answers(*statuses) as (api, asked),
        pytest.raises(AirflowApiError, match=rf"Airflow answered {statuses[-1]}.*database is locked"),
    ):
        trigger(api, REQUEST)
    assert len(asked) == len(statuses)
