from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from include.config.discovery import load_project
from include.config.settings import ROOT, Settings
from include.stack.demo_data import days_needed
from include.stack.night import error_in_log


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
