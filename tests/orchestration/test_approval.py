"""Who is asked, what the form says, and what an answer becomes; the waiting itself is in tests/e2e/test_approval.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.config.discovery import load_project
from include.config.sections import Approval
from include.domain.results import EvaluateResult
from tests.airflow_fixtures import write_project
from tests.orchestration.conftest import Script
from tests.orchestration.test_notify import read, smtp_connection
from tests.orchestration.test_retrain_run import run, states, xcom
from tests.sinks import smtp_sink

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db")]

ASKING = ("gates:\n", "promotion: {mode: approval, approval: {timeout_hours: 60}}\ngates:\n")
AT = datetime(2013, 4, 2, 9, tzinfo=UTC)


def evaluated(**changes: Any) -> EvaluateResult:
    values: dict[str, Any] = {"verdict": "PROMOTE", "reason": "better", "mode": "approval", **changes}
    return EvaluateResult(
        decision_id="d 1", decision_uri="u", challenger="trees", candidate_id="c", summary="**PROMOTE**: x.", **values
    )


def built(projects_dir: Path, name: str) -> Any:
    from include.orchestration.retrain import build_retrain_dag

    return build_retrain_dag(load_project(projects_dir, name))


@pytest.mark.parametrize(
    ("changes", "backfill", "why"),
    [
        ({}, False, ""),
        ({}, True, "nobody is asked: a backfill promotes nothing"),
        ({"verdict": "HOLD"}, False, "nobody is asked: the verdict is HOLD"),
        ({"verdict": "REJECT"}, False, "nobody is asked: the verdict is REJECT"),
        ({"mode": "automatic"}, False, "nobody is asked: promotion mode is automatic"),
        ({"mode": "hold", "verdict": "HOLD"}, False, "nobody is asked: promotion mode is hold"),
    ],
)
def test_a_person_is_asked_about_a_proved_candidate_only(changes: dict[str, str], backfill: bool, why: str) -> None:
    from include.orchestration.approval import why_not_asked

    assert why_not_asked(evaluated(**changes), backfill=backfill) == why


@pytest.mark.parametrize(("mode", "verdict"), [("automatic", "PROMOTE"), ("approval", "HOLD")])
def test_a_night_without_a_question_passes_on(
    projects_dir: Path, script: Script, monkeypatch: pytest.MonkeyPatch, mode: str, verdict: str
) -> None:
    script.verdict = verdict
    monkeypatch.setattr(script, "evaluate", lambda inputs: evaluated(verdict=verdict, mode=mode))
    dag_run = run()
    assert dag_run.state == "success"
    found = states(dag_run)
    assert found["approve"] == ["skipped"]
    assert found["promote"] == ["success" if verdict == "PROMOTE" else "skipped"]
    assert script.of("promote")[0].approval is None


def test_the_form_can_choose_that_a_person_is_asked(projects_dir: Path, script: Script) -> None:
    script.verdict = "HOLD"
    run({"promotion_mode": "approval"})
    assert script.of("evaluate")[0].promotion_mode == "approval"


def test_the_form_offers_nothing_looser_than_is_declared(projects_dir: Path, script: Script) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    write_project(projects_dir, "kiosk", replace=ASKING)
    field = built(projects_dir, "kiosk").params.get_param("promotion_mode")
    assert field.schema["enum"] == ["declared", "approval", "hold"]
    assert "./nightshift promote kiosk" in field.schema["description_md"]
    with pytest.raises(ParamValidationError, match="'automatic' is not one of"):
        run({"promotion_mode": "automatic"}, "kiosk")


def test_a_run_triggered_before_the_declaration_was_tightened_is_refused(projects_dir: Path, script: Script) -> None:
    dag = built(projects_dir, "shop")
    declaration = projects_dir / "shop" / "project.yaml"
    declaration.write_text(declaration.read_text().replace(*ASKING))
    dag_run = dag.test(run_conf={"as_of": "2013-04-01", "promotion_mode": "automatic"})
    assert dag_run.state == "failed"
    assert script.calls == []
    message = xcom(dag_run, "plan", "error")
    assert message.startswith("SettingsError: shop: promotion_mode of this run: a run may only tighten")
    assert "got: automatic; allowed: approval, hold; hint: put a version in force by hand" in message


def test_a_night_that_waits_does_not_hold_up_the_next(projects_dir: Path) -> None:
    write_project(projects_dir, "kiosk", replace=ASKING)
    long = ("gates:\n", "promotion: {mode: approval, approval: {timeout_hours: 720}}\ngates:\n")
    write_project(projects_dir, "store", replace=long)
    assert [built(projects_dir, name).max_active_runs for name in ("shop", "kiosk", "store")] == [1, 16, 38]


def test_the_question_stands_between_the_verdict_and_the_promotion(projects_dir: Path) -> None:
    write_project(projects_dir, "kiosk", replace=ASKING)
    asked = built(projects_dir, "kiosk").get_task("approve")
    assert (asked.upstream_task_ids, asked.downstream_task_ids) == ({"evaluate"}, {"promote"})
    assert asked.response_timeout == timedelta(hours=60)
    assert (asked.subject, asked.options) == ("Promote the new model of kiosk?", ["Approve", "Reject"])
    field = asked.params.get_param("reason")
    # a button works at once: nothing has to be typed for an approval
    assert field.value is None and field.schema["type"] == ["null", "string"]


@pytest.mark.parametrize(
    ("on_timeout", "outcome"), [("hold", "nothing is promoted"), ("promote", "the candidate is promoted")]
)
def test_the_text_holds_the_decision_the_report_and_what_silence_means(
    monkeypatch: pytest.MonkeyPatch, on_timeout: Any, outcome: str
) -> None:
    from include.orchestration.approval import question

    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example.org/below/")
    text = question("shop", evaluated(), Approval(on_timeout=on_timeout), AT)
    assert text.split("\n\n") == [
        "**PROMOTE**: x.",
        "[Read the whole report](http://airflow.example.org/below/nightshift/project/shop/decisions/d%201/report.html)",
        f"Without an answer by 2013-04-02 09:00 UTC {outcome}.",
    ]


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (
            {"chosen_options": ["Approve"], "responded_by_user": {"id": "7", "name": "ada"}, "params_input": {}},
            ("approved", "ada", ""),
        ),
        (
            {
                "chosen_options": ["Reject"],
                "responded_by_user": {"id": "7", "name": ""},
                "params_input": {"reason": " odd\n  week "},
            },
            ("rejected", "7", "odd week"),
        ),
        (
            {"chosen_options": ["Reject"], "responded_by_user": None, "params_input": {"reason": None}},
            ("rejected", "", ""),
        ),
    ],
    ids=["approved without words", "rejected with words", "rejected by nobody known"],
)
def test_what_was_pressed_and_written_is_kept(response: dict[str, Any], said: tuple[str, str, str]) -> None:
    from include.orchestration.approval import answer_of

    answer = answer_of({**response, "responded_at": AT})
    assert (answer.answer, answer.by, answer.reason) == said
    assert answer.at == AT


def test_a_time_out_is_an_answer_and_another_failure_is_one(projects_dir: Path) -> None:
    from airflow.providers.standard.exceptions import HITLTriggerEventError

    asked = built(projects_dir, "shop").get_task("approve")
    told = asked.execute_complete({}, {"error": "passed", "error_type": "timeout"})
    assert (told["answer"], told["by"], told["reason"]) == ("timed_out", "", "")
    with pytest.raises(HITLTriggerEventError):
        asked.execute_complete({}, {"error": "no such thing", "error_type": "unknown"})


def test_the_owner_is_told_that_a_question_waits_and_where(projects_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.orchestration.notify import tell_of_question

    with smtp_sink() as (port, messages):
        smtp_connection(monkeypatch, port)
        tell_of_question("shop", "Promote a new model of shop?", "**PROMOTE**: x <y>.", "http://airflow/there")
    (parsed, body) = read(messages[0])
    assert parsed["To"] == "ada@example.org"
    assert parsed["Subject"] == "[nightshift] shop: approval needed"
    assert "Promote a new model of shop?" in body and "**PROMOTE**: x &lt;y&gt;." in body
    assert "Answer: http://airflow/there" in body
    # and a server that is gone is nobody's failure
    tell_of_question("shop", "Promote?", "", "http://airflow/there")


def test_a_task_that_was_marked_as_done_hands_on_no_answer(
    projects_dir: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "evaluate", lambda inputs: evaluated())
    dag = built(projects_dir, "shop")
    dag_run = dag.test(run_conf={"as_of": "2013-04-01"}, mark_success_pattern="approve")
    assert dag_run.state == "success"
    assert states(dag_run)["approve"] == ["success"]
    assert script.of("promote")[0].approval is None
    assert script.of("promote")[0].evaluated.mode == "approval"
