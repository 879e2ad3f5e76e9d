"""What `backfill` says before it starts anything, while it runs, and at the end."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from include.airflow_client.backfill import DayRun
from include.airflow_client.runs import TaskFailure
from include.cli.app import main
from include.cli.backfill import ask, demo_jobs
from include.cli.night_view import BackfillView, DayOutcome, current_stage, seconds_left, show_days
from include.config.settings import DATABASE_STAMP, database_file
from tests.airflow_fixtures import write_project

NOW = "2026-01-10T12:00:00+00:00"


@pytest.fixture
def shop(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with the project `shop`, on 10 January 2026."""
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(tmp_path / "projects"))
    monkeypatch.setenv("NIGHTSHIFT_NOW", NOW)
    write_project(tmp_path / "projects", "shop")
    write_project(tmp_path / "projects", "weekly", replace=('"15 3 * * *"', '"0 4 * * 1"'))
    return home


def asked(*arguments: str, **given: Any) -> Any:
    options = {"parallel": 2, "reprocess": "none", "window_days": None, "score": False, **given}
    return ask(arguments[0], (arguments[1], arguments[2]), **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2026-1-1", "2026-01-03"), "argument FROM: not a day; got: '2026-1-1'; allowed: YYYY-MM-DD"),
        (("2026-01-01", "2026-02-30"), "argument TO: not a day; got: '2026-02-30'; allowed: YYYY-MM-DD"),
        (
            ("2026-01-03", "2026-01-01"),
            "arguments FROM and TO: the first day is after the last; got: 2026-01-03 to 2026-01-01",
        ),
        (
            ("2026-01-01", "2026-01-10"),
            "argument TO: the day is not complete yet; got: 2026-01-10; allowed: up to 2026-01-09",
        ),
        (
            ("2026-01-01", "2026-01-03", "--score"),
            "option --score: project shop declares no scoring; "
            'hint: add `scoring: {schedule: "0 10 * * *"}` to its project.yaml',
        ),
        (
            ("2026-01-01", "2026-01-03", "--window-days", "9"),
            "option --window-days: not a window of this project; got: 9; allowed: 10 to 1825",
        ),
    ],
)
def test_what_is_not_possible_is_refused_before_anything_starts(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert main(["backfill", "shop", *arguments]) == 2
    assert capsys.readouterr().err.strip() == message
    assert not (shop / "airflow").exists()


def test_an_unknown_project_is_refused(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backfill", "shopp", "2026-01-01", "2026-01-03"]) == 2
    assert "Did you mean 'shop'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("span", "nearest"),
    [
        (("2025-12-30", "2026-01-03"), "the nearest days are 2025-12-28 and 2026-01-04"),
        # the next one is not complete yet
        (("2026-01-05", "2026-01-09"), "the nearest days are 2026-01-04"),
    ],
)
def test_a_range_without_a_day_of_the_schedule_names_the_nearest(
    shop: Path, capsys: pytest.CaptureFixture[str], span: tuple[str, str], nearest: str
) -> None:
    assert main(["backfill", "weekly", *span]) == 2
    assert capsys.readouterr().err.strip() == (
        "project weekly: no run of its schedule '0 4 * * 1' is about a day of the range; "
        f"got: {span[0]} to {span[1]}; hint: {nearest}"
    )


@pytest.mark.parametrize(("option", "value"), [("--parallel", "0"), ("--parallel", "33"), ("--reprocess", "all")])
def test_an_option_out_of_bounds_is_refused(
    shop: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert main(["backfill", "shop", "2026-01-01", "2026-01-03", option, value]) == 2
    assert option in capsys.readouterr().err


def remember(home: Path, **states: str) -> None:
    """Have Airflow's database remember runs of the shop: day of January 2026 to state."""
    file = database_file(home)
    file.parent.mkdir(parents=True)
    (file.parent / DATABASE_STAMP).touch()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE backfill (id, dag_id, from_date, to_date, completed_at)")
        connection.execute("CREATE TABLE dag_run (dag_id, partition_key, state, start_date, backfill_id)")
        for day, state in states.items():
            row = ("shop__retrain", f"2026-01-{day.removeprefix('d')}", state, "2026-01-09 10:00:00", None)
            connection.execute("INSERT INTO dag_run VALUES (?, ?, ?, ?, ?)", row)


def test_a_dry_run_starts_nothing_and_tells_what_would_run(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remember(shop, d01="success", d02="failed")
    assert main(["backfill", "shop", "2026-01-01", "2026-01-03", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "would run 1 day of shop__retrain, 2 at once:\n  2026-01-03\n" in shown
    assert "left out  2 that ran before: 2026-01-01 (success), 2026-01-02 (failed)" in shown
    assert main(["backfill", "shop", "2026-01-01", "2026-01-03", "--dry-run", "--json", "--reprocess", "failed"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "dag_id": "shop__retrain",
        "days": [{"day": "2026-01-02", "result": "would run"}, {"day": "2026-01-03", "result": "would run"}],
        "left_out": {"2026-01-01": "success"},
    }


def test_when_every_day_has_run_nothing_is_started(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remember(shop, d01="success", d02="success")
    assert main(["backfill", "shop", "2026-01-01", "2026-01-02"]) == 0
    assert "nothing to do, every day of the range has run before" in capsys.readouterr().out


def test_the_request_holds_what_airflow_is_asked_for(shop: Path) -> None:
    found = asked("shop", "2026-01-01", "2026-01-03", window_days=12, parallel=1, reprocess="completed")
    request = found.request
    assert (request.dag_id, request.parallel, request.reprocess) == ("shop__retrain", 1, "completed")
    assert request.conf == {"window_days": 12}
    assert demo_jobs(found) == []


def test_demo_data_is_delivered_for_the_days_that_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTSHIFT_PROJECTS", raising=False)
    [[_, module, name, first, last]] = demo_jobs(asked("telco_churn", "2013-06-29", "2013-06-30", window_days=30))
    assert (module, name, last) == ("include.demo_feed.feed", "telco_churn", "2013-06-30")
    assert date.fromisoformat(first) <= date(2013, 5, 30)


def task(name: str, state: str, index: int = -1) -> dict[str, Any]:
    moment = datetime(2026, 1, 10, tzinfo=UTC).isoformat()
    return {"task_id": name, "map_index": index, "state": state, "start_date": moment, "end_date": None}


RUNS = [
    DayRun(date(2026, 1, 1), "a", "success", 60.0),
    DayRun(date(2026, 1, 2), "b", "failed", 40.0),
    DayRun(date(2026, 1, 3), "c", "running", 20.0, (task("plan", "success"), task("train", "running", 0))),
    DayRun(date(2026, 1, 4), "d", "queued"),
]


@pytest.mark.parametrize(
    ("runs", "parallel", "seconds"),
    [
        (RUNS[2:], 2, None),  # nothing to go by
        (RUNS, 1, 80.0),  # 30 s of the running one, 50 s of the next
        (RUNS, 2, 50.0),  # at once, but none is done sooner than it takes
        (RUNS[:2], 2, 0.0),
        ([RUNS[0], DayRun(date(2026, 1, 3), "c", "running", 90.0)], 2, 0.0),
    ],
)
def test_what_is_left_is_reckoned_from_the_days_that_are_done(
    runs: list[DayRun], parallel: int, seconds: float | None
) -> None:
    assert seconds_left(runs, parallel) == seconds


def test_the_stage_of_a_running_day_is_told_with_its_count() -> None:
    assert current_stage(RUNS[2]) == "train"
    tasks = (task("train", "success", 0), task("train", "up_for_retry", 1))
    assert current_stage(DayRun(date(2026, 1, 3), "c", "running", 1.0, tasks)) == "train 1/2 (retrying)"
    assert current_stage(RUNS[3]) == ""


def written(width: int = 160, **options: Any) -> tuple[Console, StringIO]:
    file = StringIO()
    return Console(file=file, width=width, highlight=False, **options), file


def test_without_a_terminal_each_change_is_one_line() -> None:
    console, file = written()
    with BackfillView(console, "shop", 2) as view:
        for _ in range(3):
            view.days(RUNS)
    lines = [re.sub(r"^ *[\d.]+ s  ", "", line) for line in file.getvalue().splitlines()]
    counts = "2 of 4 done, 1 running, 1 queued, 1 failed, about 50 s left"
    assert lines == [
        "shop",
        f"2026-01-01: success, 60 s; {counts}",
        f"2026-01-02: failed, 40 s; {counts}",
        "2026-01-03: train, 20 s",
    ]


def test_on_a_terminal_there_is_a_bar_with_the_running_days() -> None:
    console, file = written(force_terminal=True)
    with BackfillView(console, "shop", 2) as view:
        view.days(RUNS)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue())
    assert "2 of 4 done, 1 running, 1 queued, 1 failed, about 50 s left" in shown
    assert re.search(r"2026-01-03 +train +20 s", shown)
    assert "━" in shown


def test_days_that_failed_in_the_same_way_are_told_of_once() -> None:
    console, file = written()
    outcomes = []
    for number in range(1, 32):
        day = date(2026, 1, number)
        error = f"PartitionRejectedError: shop/validate: 1 of 1 days were rejected; got: [{day}] keys_are_unique(time)"
        failures = (TaskFailure("validate (0)", error, Path(f"/logs/{day}.log"), str(day)),)
        outcomes.append(DayOutcome(day, f"r{number}", False, "FAILED", error, 3.0, failures))
    show_days(console, outcomes, {})
    shown = file.getvalue()
    assert shown.count("keys_are_unique(time)") == 2
    assert "validate: 31 days (2026-01-01 to 2026-01-31): " in shown
    assert shown.count("the same as 2026-01-01") == 30
    assert shown.count("/logs/") == 1


def test_the_summary_has_a_line_a_day_and_the_failures_with_their_logs() -> None:
    console, file = written()
    failure = TaskFailure("ingest (1)", "SourceDataError: [no file]", Path("/logs/attempt=1.log"))
    outcomes = [
        DayOutcome(date(2026, 1, 1), "a", True, "HOLD", "a backfill promotes nothing", 61.2),
        DayOutcome(date(2026, 1, 2), "b", False, "REJECT", "minimum: roc_auc 0.5 is not >= 0.6", 40.0),
        DayOutcome(date(2026, 1, 3), "c", False, "FAILED", "SourceDataError: [no file]", 3.0, (failure,)),
    ]
    show_days(console, outcomes, {date(2025, 12, 31): "success"})
    assert "HOLD      a backfill promotes nothing, so a day that proved itself is held, too" in file.getvalue()
    lines = [" ".join(line.split()) for line in file.getvalue().splitlines()]
    assert lines[2:5] == [
        "2026-01-01 HOLD a backfill promotes nothing 61 s",
        "2026-01-02 REJECT minimum: roc_auc 0.5 is not >= 0.6 40 s",
        "2026-01-03 FAILED SourceDataError: [no file] 3 s",
    ]
    assert lines[5:9] == [
        "2026-01-03 task ingest (1)",
        "error SourceDataError: [no file]",
        "log /logs/attempt=1.log",
        "left out 1 that ran before: 2025-12-31 (success)",
    ]
    assert outcomes[2].as_json()["failures"] == [
        {"task": "ingest (1)", "error": "SourceDataError: [no file]", "log": "/logs/attempt=1.log"}
    ]
