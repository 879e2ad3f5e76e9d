"""Find the questions that wait for a person in a running Airflow, and answer one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from include.config.errors import AirflowApiError, SettingsError
from include.config.stages import APPROVE_TASK
from include.stack.airflow_api import AirflowApi

AWAITING = "awaiting_input"
OPTIONS: Mapping[str, str] = {"approve": "Approve", "reject": "Reject"}
# far more than ever wait
MOST = 100
CONFLICT = 409


@dataclass(frozen=True)
class Question:
    """Be one open question.

    Attributes:
        subject: In one line.
        body: What there is to know, in Markdown.
        since: When it was asked, ISO 8601.
        url: The page on which it is answered.
    """

    run_id: str
    subject: str
    body: str
    since: str
    url: str


def question_url(airflow_url: str, dag_id: str, run_id: str) -> str:
    """Return the page of Airflow on which the question of a run is answered."""
    run = f"/dags/{quote(dag_id)}/runs/{quote(run_id, safe=':+')}"
    return f"{airflow_url}{run}/tasks/{APPROVE_TASK}/required_actions"


def open_questions(api: AirflowApi, dag_id: str) -> list[Question]:
    """Return a retrain Dag's open questions, oldest first."""
    waiting = {"response_received": "false", "state": AWAITING, "order_by": "created_at", "limit": MOST}
    found = api.get(f"/dags/{quote(dag_id)}/dagRuns/~/hitlDetails", **waiting)["hitl_details"]
    return [
        Question(
            run_id=(run_id := str(detail["task_instance"]["dag_run_id"])),
            subject=str(detail["subject"]),
            body=str(detail["body"] or ""),
            since=str(detail["created_at"]),
            url=question_url(api.url, dag_id, run_id),
        )
        for detail in found
    ]


def chosen_question(project: str, questions: Sequence[Question], run_id: str) -> Question:
    """Return the question of a run; without a run's id, the only one there is.

    Raises:
        SettingsError: No question is open, none of that run, or several without saying which.
    """
    runs = tuple(question.run_id for question in questions)
    if not questions:
        raise SettingsError(project, "no question waits for an answer", hint=f"./nightshift ledger {project}")
    if not run_id and len(questions) > 1:
        raise SettingsError("option --run", f"{len(questions)} questions wait: say which", allowed=runs)
    found = next((question for question in questions if run_id in ("", question.run_id)), None)
    if found is None:
        raise SettingsError("option --run", "no question of that run waits", got=repr(run_id), allowed=runs)
    return found


def answer(
    api: AirflowApi, dag_id: str, question: Question, verb: Literal["approve", "reject"], reason: str
) -> dict[str, Any]:
    """Answer a question, and return what Airflow recorded: who and when.

    Raises:
        SettingsError: Somebody else was faster.
        AirflowApiError: Airflow does not take the answer.
    """
    body = {"chosen_options": [OPTIONS[verb]], "params_input": {"reason": reason or None}}
    try:
        return api.answer(dag_id, question.run_id, APPROVE_TASK, body)
    except AirflowApiError as error:
        if error.status == CONFLICT:
            raise SettingsError(question.subject, "it was answered meanwhile", got=question.run_id) from error
        raise


def waiting_for_a_person(tasks: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a run waits for an answer.

    Args:
        tasks: Its task instances, as Airflow's REST API describes them.
    """
    return any(task["task_id"] == APPROVE_TASK and task["state"] == AWAITING for task in tasks)
