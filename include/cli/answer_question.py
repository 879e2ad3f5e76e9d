"""Speak with the running Airflow about what waits for a person."""

from __future__ import annotations

from typing import Literal

from rich.console import Console

from include.cli.console import output
from include.config.discovery import load_project
from include.config.errors import SettingsError
from include.config.settings import Settings
from include.config.stages import retrain_dag_id
from include.stack.airflow_api import AirflowApi
from include.stack.credentials import load_credentials
from include.stack.questions import Question, answer, chosen_question, open_questions
from include.stack.running import running_stack


def answer_question(project_name: str, verb: Literal["approve", "reject"] | None, reason: str, run_id: str) -> int:
    """Show the open questions, or answer one, and return the exit status.

    Raises:
        SettingsError: Nothing runs, no such question waits, or a rejection has no reason.
    """
    settings, console = Settings.from_environment(), output()
    project = load_project(settings.projects_dir, project_name).name
    words = " ".join(reason.split())
    if verb == "reject" and not words:
        raise SettingsError("option --reason", "a rejection needs a reason", hint='--reason "why, in a sentence"')
    state = running_stack(settings.home)
    if state is None:
        raise SettingsError("Airflow", "it is not running, so nothing can be answered", hint="./nightshift up")
    api = AirflowApi(state.airflow_url, load_credentials(settings.home).admin_password)
    dag_id = retrain_dag_id(project, settings.namespace)
    questions = open_questions(api, dag_id)
    if verb is None:
        _show(console, project, questions)
        return 0
    question = chosen_question(project, questions, run_id)
    recorded = answer(api, dag_id, question, verb, words)
    done = "approved" if verb == "approve" else "rejected"
    by = recorded["responded_by"]["name"]
    console.print(f"{done} by {by}: {question.run_id}", markup=False, soft_wrap=True)
    console.print(f"What came of it: ./nightshift ledger {project}", markup=False)
    return 0


def _show(console: Console, project: str, questions: list[Question]) -> None:
    if not questions:
        console.print(f"{project}: no question waits for an answer", markup=False)
    for question in questions:
        for line in (question.subject, question.body, f"run       {question.run_id}", f"answer    {question.url}", ""):
            console.print(line, markup=False, soft_wrap=True)
