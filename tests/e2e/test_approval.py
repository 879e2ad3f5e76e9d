"""Ask a person on a real scheduler: approve in a browser, reject by the command, be silent, come too late."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from include.airflow_client.runs import OpenApproval, open_approvals
from include.config.credentials import ADMIN, load_credentials
from include.domain.decision import LedgerEntry
from include.domain.names import retrain_dag_id
from include.io.local_store import LocalStore
from include.stages.promote import hours
from tests.e2e.asked_projects import NIGHTS, write_asked
from tests.e2e.door import Door, wait_for
from tests.sinks import smtp_sink
from tests.support.browser import browser_path

pytestmark = pytest.mark.e2e

PARCELS, LETTERS = "parcels", "letters"
# the shortest that can be declared: 36 seconds
SHORT = 0.01
BACKFILLED, REJECTED, STALE, APPROVED = NIGHTS
QUIET = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False", "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2"}
SLOW_SECONDS = 240
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


@dataclass(frozen=True)
class Mailbox:
    """Be the connection to an SMTP server, and what it received."""

    connection: str
    messages: list[str]


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    """Return the mailbox of the projects' owner."""
    with smtp_sink() as (port, messages):
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "nightshift@example.org", "timeout": 5}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        yield Mailbox(json.dumps(connection), messages)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Door]:
    """Return a home whose stack runs, with two projects that ask; one of them not for long."""
    home, projects = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("projects")
    store = LocalStore(f"file://{home / 'store'}")
    write_asked(projects, store, PARCELS)
    write_asked(projects, store, LETTERS, timeout_hours=SHORT)
    door = Door(home, NIGHTSHIFT_PROJECTS=str(projects), AIRFLOW_CONN_SMTP_DEFAULT=mailbox.connection, **QUIET)
    try:
        door.up()
        yield door
    finally:
        door("down")


def _start(door: Door, project: str, day: Any) -> str:
    """Trigger a night as the UI's form does, and return the run's id."""
    body = {"logical_date": None, "partition_key": str(day), "conf": {}}
    return door.api().trigger(f"{project}__retrain", body)


@pytest.fixture(scope="module")
def watched(door: Door) -> Iterator[subprocess.Popen[str]]:
    """Start a night by the command that people type: it is the one that is rejected."""
    with door.start("run", PARCELS, "--as-of", str(REJECTED)) as command:
        yield command
        # it has ended, unless a test failed
        command.terminate()


@pytest.fixture(scope="module")
def runs(door: Door, watched: subprocess.Popen[str]) -> dict[str, str]:
    """Start the other nights, and return the run ids when each has asked: two of one project wait at once."""
    api = door.api()
    for project in (PARCELS, LETTERS):
        api.set_paused(f"{project}__retrain", False)
    # one after the other: SQLite may be locked for longer than the command waits when all begin at once
    wait_for("the watched night's question", lambda: len(_open(door, PARCELS)) == 1, SLOW_SECONDS)
    started = {"letters": _start(door, LETTERS, REJECTED), "stale": _start(door, PARCELS, STALE)}
    wait_for("three questions", lambda: len(_open(door, PARCELS)) == 2, SLOW_SECONDS)
    started["approved"] = _start(door, PARCELS, APPROVED)
    wait_for("the last question", lambda: len(_open(door, PARCELS)) == 3, SLOW_SECONDS)
    return started


def _open(door: Door, project: str) -> list[OpenApproval]:
    return open_approvals(door.api(), retrain_dag_id(project))


def _ended(door: Door, project: str, run_id: str) -> str:
    api = door.api()
    return str(
        wait_for(
            run_id,
            lambda: (state := api.run(f"{project}__retrain", run_id)["state"]) in ("success", "failed") and state,
            SLOW_SECONDS,
        )
    )


def _states(door: Door, project: str, run_id: str) -> dict[str, str]:
    return {task["task_id"]: task["state"] for task in door.api().tasks(f"{project}__retrain", run_id)}


def _entry(door: Door, project: str, run_id: str) -> LedgerEntry:
    entry = door.ledger(project).of_run(f"{project}__retrain", run_id)
    assert entry is not None
    return entry


def test_the_owner_got_one_message_for_each_question(runs: dict[str, str], mailbox: Mailbox) -> None:
    subjects = re.findall(r"^Subject: (.*?)\r?$", "\n".join(mailbox.messages), re.M)
    assert sorted(subjects) == [f"[nightshift] {name}: approval needed" for name in (LETTERS, *[PARCELS] * 3)]


def test_a_backfill_does_not_wait_though_questions_are_open(door: Door, runs: dict[str, str]) -> None:
    api, dag_id = door.api(), f"{PARCELS}__retrain"
    day = f"{BACKFILLED}T00:00:00Z"
    api.create_backfill({"dag_id": dag_id, "from_date": day, "to_date": day, "max_active_runs": 1, "dag_run_conf": {}})
    (run,) = api.every_run(dag_id, run_type="backfill")
    assert _ended(door, PARCELS, run["dag_run_id"]) == "success"
    assert _states(door, PARCELS, run["dag_run_id"])["approve"] == "skipped"
    entry = _entry(door, PARCELS, run["dag_run_id"])
    assert (entry.verdict, entry.approval) == ("HOLD", None)
    assert entry.reason.startswith("a backfill promotes nothing; it would be promoted:")
    assert len(_open(door, PARCELS)) == 3


def test_the_command_that_watches_says_where_to_answer_and_what_came_of_it(
    door: Door, watched: subprocess.Popen[str], runs: dict[str, str]
) -> None:
    shown = door("answer", PARCELS)
    mine = next(question for question in _open(door, PARCELS) if question.run_id.startswith("nightshift__"))
    assert f"run       {mine.run_id}" in shown and "Gate" in shown
    assert "3 questions wait: say which" in door("answer", PARCELS, "approve", status=2)
    assert "a rejection needs a reason" in door("answer", PARCELS, "reject", "--run", mine.run_id, status=2)
    taken = door("answer", PARCELS, "reject", "--run", mine.run_id, "--reason", "a strike made\n the week odd")
    assert f"rejected by {ADMIN}: {mine.run_id}" in taken
    assert "no question of that run waits" in door("answer", PARCELS, "approve", "--run", mine.run_id, status=2)
    told, _ = watched.communicate(timeout=SLOW_SECONDS)
    assert watched.returncode == 0
    assert "approve: waits for a person" in told
    assert f"answer at {mine.url} (user {ADMIN})" in told
    reason = f"{ADMIN} rejected: a strike made the week odd; proved: all gates passed and there is no champion"
    assert re.search(rf"^HOLD  decision \d+ of {PARCELS} as of {REJECTED}: {re.escape(reason)}", told, re.M)
    entry = _entry(door, PARCELS, mine.run_id)
    assert entry.approval is not None and entry.approval.at is not None
    said = (entry.approval.answer, entry.approval.by, entry.approval.reason)
    assert said == ("rejected", ADMIN, "a strike made the week odd")
    states = _states(door, PARCELS, mine.run_id)
    assert (states["approve"], states["promote"], states["announce_champion"]) == ("success", "skipped", "skipped")


def test_silence_holds_when_the_time_is_over(door: Door, runs: dict[str, str]) -> None:
    assert _ended(door, LETTERS, runs["letters"]) == "success"
    entry = _entry(door, LETTERS, runs["letters"])
    assert entry.verdict == "HOLD"
    assert entry.reason.startswith(f"nobody answered within {hours(SHORT)}; it would be promoted: all gates passed")
    assert entry.approval is not None
    assert (entry.approval.answer, entry.approval.by) == ("timed_out", "")
    assert _states(door, LETTERS, runs["letters"])["promote"] == "skipped"
    assert _open(door, LETTERS) == []
    assert door.ledger(LETTERS).champion() is None


@pytest.fixture
def page(door: Door) -> Iterator[Page]:
    """Return a page of a browser that is logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(playwright), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{door.state().airflow_url}/auth/login/")
        page.fill("input[name=username]", ADMIN)
        page.fill("input[name=password]", load_credentials(door.home).admin_password.get_secret_value())
        page.click("button[type=submit]")
        page.wait_for_url(re.compile(r"^(?!.*/login).*$"))
        yield page
        browser.close()


def _photograph(page: Page, name: str) -> None:
    """Keep a picture of the page where somebody asked for pictures."""
    folder = os.environ.get("NIGHTSHIFT_TEST_PICTURES")
    if not folder:
        return
    for width, (wide, high) in WIDTHS.items():
        page.set_viewport_size({"width": wide, "height": high})
        page.wait_for_timeout(500)
        page.screenshot(path=Path(folder) / f"{name}-{width}.png")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_person_approves_in_the_browser_and_the_model_is_promoted(
    door: Door, runs: dict[str, str], page: Page
) -> None:
    question = next(question for question in _open(door, PARCELS) if question.run_id == runs["approved"])
    waiting = page.request.get(f"{door.state().airflow_url}/nightshift/decision/{PARCELS}__retrain/{runs['approved']}")
    assert "The candidate is proved, and the run waits for a person: is it promoted?" in waiting.text()
    page.goto(f"{door.state().airflow_url}/required_actions?response_received=false")
    subject = f"Promote the new model of {PARCELS}, as of {APPROVED}?"
    expect(page.get_by_text(subject).first).to_be_visible(timeout=30_000)
    _photograph(page, "list")
    page.goto(question.url)
    expect(page.get_by_test_id("hitl-option-Approve")).to_be_enabled(timeout=30_000)
    page.get_by_test_id("hitl-option-Approve").scroll_into_view_if_needed()
    _photograph(page, "question")
    expect(page.get_by_text("all gates passed and there is no champion").first).to_be_visible()
    expect(page.get_by_role("cell", name="roc_auc").first).to_be_visible()
    report = page.get_by_role("link", name="Read the whole report").get_attribute("href")
    assert report is not None
    answered = page.request.get(report)
    assert answered.status == 200 and "PROMOTE" in answered.text()
    expect(page.get_by_text("Why, in a sentence, above all when you reject")).to_be_visible()
    page.fill("input[name=element_reason]", "looked at the slices")
    page.get_by_test_id("hitl-option-Approve").click()
    assert _ended(door, PARCELS, runs["approved"]) == "success"
    _photograph(page, "answered")
    entry = _entry(door, PARCELS, runs["approved"])
    assert entry.verdict == "PROMOTE"
    assert entry.reason.endswith(f"; {ADMIN} approved: looked at the slices")
    champion = door.ledger(PARCELS).champion()
    assert champion is not None and champion.approval == entry.approval
    assert (champion.as_of, champion.origin.run_id) == (APPROVED, runs["approved"])
    assert _states(door, PARCELS, runs["approved"])["announce_champion"] == "success"
    told = door.json("ledger", PARCELS)[-1]["approval"]
    assert (told["answer"], told["by"], told["reason"]) == ("approved", ADMIN, "looked at the slices")
    page.goto(f"{door.state().airflow_url}/nightshift/project/{PARCELS}")
    expect(page.get_by_text(f"{ADMIN} approved: looked at the slices").first).to_be_visible()


def test_the_approval_of_a_candidate_that_was_overtaken_is_refused(door: Door, runs: dict[str, str]) -> None:
    if door.ledger(PARCELS).champion() is None:
        # without a browser nobody has approved it yet
        door("answer", PARCELS, "approve", "--run", runs["approved"])
        assert _ended(door, PARCELS, runs["approved"]) == "success"
    champion = door.ledger(PARCELS).champion()
    assert champion is not None
    door("answer", PARCELS, "approve")
    assert _ended(door, PARCELS, runs["stale"]) == "success"
    entry = _entry(door, PARCELS, runs["stale"])
    assert entry.verdict == "HOLD"
    assert entry.reason == (
        f"overtaken: the challenger was compared with no champion, and version {champion.version} (as of {APPROVED}) "
        f"was put in force meanwhile; run again; the approval by {ADMIN} came too late"
    )
    assert entry.approval is not None and entry.approval.answer == "approved"
    assert door.ledger(PARCELS).champion() == champion
    assert _states(door, PARCELS, runs["stale"])["promote"] == "skipped"
