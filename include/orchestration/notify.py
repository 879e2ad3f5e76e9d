"""Tell a project's owner, once, of a rejected candidate, of a failed run, or of a question that waits for an answer.

Of failures it tells in the scheduler (or the API server, when a run is marked failed by hand), in a thread: it never
holds up the scheduling loop. Of a question it tells in the task that asks. No failure to tell is a failure of the run.
A log line is always written; an e-mail or a Slack message is sent when the connection `smtp_default` or
`slack_default` is configured.
"""

from __future__ import annotations

import atexit
import html
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from include.config.discovery import load_project
from include.config.project import Owner
from include.config.settings import Settings
from include.domain.decision import Decision, LedgerEntry
from include.domain.errors import NightshiftError
from include.domain.names import project_of, split_name
from include.io.ledger import read_decision
from include.orchestration.dag_building import settings_of, shown_name
from include.orchestration.params import resolve_as_of
from include.orchestration.stage_call import decision_of_run, failed_tasks, store_of
from include.reports.decision_state import counted
from include.reports.decision_tables import gate_amount
from include.reports.first_screen import consequence, rejecting

SMTP_CONNECTION = "smtp_default"
SLACK_CONNECTION = "slack_default"
TIMEOUT_SECONDS = 10
EXIT_WAIT_SECONDS = 15

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FailedRun:
    """Name a failed run; a run that is cleared and fails again is another failure (`clear_number`)."""

    dag_id: str
    run_id: str
    clear_number: int
    as_of: str

    @classmethod
    def of(cls, dag_run: Any) -> FailedRun:
        """Take what is needed from Airflow's object while its database session is open."""
        try:
            day = str(resolve_as_of({"params": dag_run.conf or {}, "dag_run": dag_run}))
        except NightshiftError:
            day = "unknown day"
        return cls(dag_run.dag_id, dag_run.run_id, dag_run.clear_number or 0, day)


@dataclass(frozen=True)
class Message:
    """Be what the owner reads."""

    subject: str
    text: str


class Notifier:
    """Tell about each failure once, each in a thread of its own."""

    def __init__(self, deliver: Callable[[FailedRun], None]) -> None:
        self._deliver = deliver
        self._told: set[FailedRun] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def tell(self, failed: FailedRun) -> None:
        """Start to tell, unless it was told before."""
        with self._lock:
            if failed in self._told:
                return
            self._told.add(failed)
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=self._tell, args=(failed,), name="nightshift-teller", daemon=True)
            self._threads.append(thread)
        thread.start()

    def wait(self, timeout_seconds: float = EXIT_WAIT_SECONDS) -> None:
        """Wait until everything that was begun is told."""
        end = time.monotonic() + timeout_seconds
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))

    def _tell(self, failed: FailedRun) -> None:
        try:
            self._deliver(failed)
        except Exception:
            log.exception("the owner could not be told of the failed run %s %s", failed.dag_id, failed.run_id)


def tell_owner(failed: FailedRun) -> None:
    """Write the log line, and send the e-mail and the Slack message that are configured."""
    settings = settings_of(failed.dag_id)
    message = compose(settings, failed)
    try:
        owner = load_project(settings.projects_dir, project_of(failed.dag_id)).owner
    except NightshiftError as error:
        # the declaration was broken after the run began: whom it names is not known
        log.warning("told nobody: %s | %s", message.text.replace("\n", " | "), str(error).replace("\n", " | "))
        return
    log.error("told %s <%s>: %s", owner.name, owner.email, message.text.replace("\n", " | "))
    _send(owner, message)


def tell_of_question(project: str, subject: str, text: str, address: str) -> None:
    """Tell the owner that a candidate waits for a person's answer, which is given at `address`.

    Args:
        project: The project, as `shown_name` tells it.
        subject: In one line.
        text: What there is to know.
        address: The page on which it is answered.
    """
    owner = load_project(Settings.from_environment().projects_dir, split_name(project)[1]).owner
    message = Message(f"[nightshift] {project}: approval needed", f"{subject}\n\n{text}\n\nAnswer: {address}")
    log.info("told %s <%s>: %s Answer: %s", owner.name, owner.email, subject, address)
    _send(owner, message)


def _send(owner: Owner, message: Message) -> None:
    for channel in (send_email, send_slack):
        try:
            channel(owner, message)
        except Exception:
            log.exception("%s failed: %s", channel.__name__, message.subject)


def compose(settings: Settings, failed: FailedRun) -> Message:
    """Return the message: project, day, verdict or failing task, why, and where to look."""
    project = shown_name(failed.dag_id, project_of(failed.dag_id))
    entry = _rejection(settings, failed)
    if entry is not None:
        decision = _decision(settings, entry)
        # without its record nobody knows what stays
        what = f"REJECT, {consequence(decision, with_version=False)}" if decision else "REJECT"
        reasons = _failed_gates(decision) if decision else [entry.reason]
        place = f"/nightshift/decision/{quote(failed.dag_id)}/{quote(failed.run_id)}"
    else:
        reasons = failed_tasks(failed.dag_id, failed.run_id)
        reasons = reasons or ["no task failed: the run was marked failed, or ran out of time"]
        what, place = "the run failed", f"/dags/{quote(failed.dag_id)}/runs/{quote(failed.run_id)}"
    lines = [f"{project}, as of {failed.as_of}: {what}", "", *reasons, "", f"See {_base_url()}{place}"]
    return Message(f"[nightshift] {project} {failed.as_of}: {what}", "\n".join(lines))


def send_email(owner: Owner, message: Message) -> None:
    """Send an e-mail through the connection `smtp_default`, if there is one."""
    if not _configured(SMTP_CONNECTION):
        return
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    hook = SmtpHook(smtp_conn_id=SMTP_CONNECTION)
    with hook.get_conn() as connected:
        connected.send_email_smtp(
            to=owner.email,
            subject=message.subject,
            html_content=f"<pre>{html.escape(message.text)}</pre>",
            from_email=hook.from_email or owner.email,
        )


def send_slack(owner: Owner, message: Message) -> None:
    """Post to the incoming webhook of the connection `slack_default`, if there is one."""
    if not _configured(SLACK_CONNECTION):
        return
    from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

    hook = SlackWebhookHook(slack_webhook_conn_id=SLACK_CONNECTION, timeout=TIMEOUT_SECONDS)
    hook.send_text(f"{owner.name}: {message.text}")


def _rejection(settings: Settings, failed: FailedRun) -> LedgerEntry | None:
    try:
        entry = decision_of_run(settings, failed.dag_id, failed.run_id)
    except NightshiftError as error:
        # the failure may well be that the store does not answer: the owner is told all the same
        log.warning("the ledger cannot be read: %s", error)
        return None
    return entry if entry is not None and entry.verdict == "REJECT" else None


def _decision(settings: Settings, entry: LedgerEntry) -> Decision | None:
    try:
        return read_decision(store_of(settings), entry.project, entry.decision_id)
    except NightshiftError as error:
        log.warning("the decision cannot be read: %s", error)
        return None


def _failed_gates(decision: Decision) -> list[str]:
    """Return the count of gates, and a line for each that rejects."""
    return [
        f"gates: {counted(decision.gates)}",
        *(
            f"gate {gate.kind} {gate.metric}: demanded {gate.threshold}, "
            + ("not known" if gate.value is None else f"got {gate_amount(gate, gate.value, decision.row)}")
            + (f" ({gate.note})" if gate.note else "")
            for gate in rejecting(decision)
        ),
    ]


def _configured(connection: str) -> bool:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(connection)
    except AirflowNotFoundException:
        return False
    return True


def _base_url() -> str:
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")


TELLER = Notifier(tell_owner)
atexit.register(TELLER.wait)
