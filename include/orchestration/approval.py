"""Ask a person before a proved candidate is promoted: a form in Airflow with the decision, two buttons and a time-out.

Asked only when the mode is `approval`, the verdict PROMOTE, and the run no backfill; any other run passes without
stopping. While a question is open its task waits in the state `awaiting_input`: it holds no worker, and needs no
triggerer. What an answer means is decided by the stage promote.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.bases.notifier import BaseNotifier
from airflow.sdk.exceptions import AirflowSkipException

from include.config.project import Project
from include.config.sections import Approval
from include.domain import clock
from include.domain.names import APPROVE_TASK
from include.domain.results import ApprovalAnswer, EvaluateResult
from include.orchestration.dag_building import shown_name
from include.orchestration.params import resolve_as_of

# the two words that make Airflow show buttons and call the page an approval
APPROVE, REJECT = "Approve", "Reject"
REASON = "reason"
NO_ANSWER = {"hold": "nothing is promoted", "promote": "the candidate is promoted"}


class OwnerNotifier(BaseNotifier):
    """Tell the project's owner, by the e-mail and Slack that are configured, that a question waits."""

    def __init__(self, project_name: str) -> None:
        super().__init__()
        self.project_name = project_name

    def notify(self, context: Any) -> None:
        """Tell; whoever cannot be told finds the question in Airflow, so nothing fails."""
        from include.orchestration.notify import tell_of_question

        operator: AskForApproval = context["task"]
        address = operator.generate_link_to_ui_from_context(context=context)
        shown = shown_name(context["dag_run"].dag_id, self.project_name)
        tell_of_question(shown, operator.subject, operator.body or "", address)


class AskForApproval(HITLOperator):
    """Wait for a person's answer, and hand it on as an `ApprovalAnswer`; skip when nobody has to be asked.

    Args:
        project_name: Whose candidate it is.
        declared: How long an answer is waited for, and what none means.
        evaluated: The receipt of the stage evaluate.
        more: What Airflow's operator takes.
    """

    template_fields = ("evaluated",)

    def __init__(self, *, project_name: str, declared: Approval, evaluated: Any, **more: Any) -> None:
        super().__init__(**more)
        self.project_name = project_name
        self.declared = declared
        self.evaluated = evaluated

    def execute(self, context: Any) -> None:
        """Ask, and wait; or skip.

        Raises:
            AirflowSkipException: Nobody has to be asked, with the reason.
        """
        result = EvaluateResult.model_validate(self.evaluated)
        unasked = why_not_asked(result, backfill=context["dag_run"].run_type == "backfill")
        if unasked:
            raise AirflowSkipException(unasked)
        # several nights may wait at once, and the list of what waits shows this line
        shown = shown_name(context["dag_run"].dag_id, self.project_name)
        self.subject = f"Promote the new model of {shown}, as of {resolve_as_of(context)}?"
        deadline = clock.now() + timedelta(hours=self.declared.timeout_hours)
        self.body = question(shown, result, self.declared, deadline)
        super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Return the answer, or that there was none in time."""
        if event.get("error_type") == "timeout":
            return ApprovalAnswer(answer="timed_out", at=clock.now()).model_dump(mode="json")
        return answer_of(super().execute_complete(context, event)).model_dump(mode="json")


def ask_for_approval(project: Project, evaluated: Any) -> AskForApproval:
    """Return the task that asks whether a project's proved candidate is promoted."""
    declared = project.promotion.approval
    return AskForApproval(
        task_id=APPROVE_TASK,
        project_name=project.name,
        declared=declared,
        evaluated=evaluated,
        subject=f"Promote the new model of {project.name}?",
        options=[APPROVE, REJECT],
        params={REASON: _reason_field()},
        notifiers=[OwnerNotifier(project.name)],
        response_timeout=timedelta(hours=declared.timeout_hours),
        execution_timeout=timedelta(minutes=10),
    )


def why_not_asked(result: EvaluateResult, *, backfill: bool) -> str:
    """Return why nobody is asked; empty when a person is."""
    if result.mode != "approval":
        return f"nobody is asked: promotion mode is {result.mode}"
    if result.verdict != "PROMOTE":
        return f"nobody is asked: the verdict is {result.verdict}"
    return "nobody is asked: a backfill promotes nothing" if backfill else ""


def question(project: str, result: EvaluateResult, declared: Approval, deadline: datetime) -> str:
    """Return the text of the form, in Markdown: the decision, the report, and what happens without an answer.

    Args:
        project: The project, as `shown_name` tells it: the pages find it by that.
        result: The receipt of the stage evaluate.
        declared: What no answer means.
        deadline: Until when one is waited for.
    """
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    report = f"{base}/nightshift/project/{quote(project)}/decisions/{quote(result.decision_id)}/report.html"
    return (
        f"{result.summary or result.reason}\n\n"
        f"[Read the whole report]({report})\n\n"
        f"Without an answer by {deadline:%Y-%m-%d %H:%M} UTC {NO_ANSWER[declared.on_timeout]}."
    )


def answer_of(response: Any) -> ApprovalAnswer:
    """Return what a person pressed and wrote, from Airflow's record of it."""
    user = response["responded_by_user"] or {}
    reason = str((response["params_input"] or {}).get(REASON) or "")
    return ApprovalAnswer(
        answer="approved" if response["chosen_options"] == [APPROVE] else "rejected",
        by=str(user.get("name") or user.get("id") or ""),
        at=response["responded_at"],
        reason=" ".join(reason.split()),
    )


def _reason_field() -> Param:
    return Param(
        # a default that is a string, the empty one included, would have to be changed before a button works
        None,
        type=["null", "string"],
        title="Reason",
        # this form, unlike that of a trigger, shows no `description_md`
        description="Why, in a sentence, above all when you reject. The ledger keeps it with your name.",
    )
