"""Run a checked backfill on a stack: create it, follow it, show what came of each day."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence, Sized
from dataclasses import replace

from rich.console import Console

from include.cli.backfill_request import Asked, demo_jobs
from include.cli.backfill_view import BackfillView, DayOutcome, show_days, show_left_out
from include.cli.console import errors, output, print_json
from include.cli.namespace_option import option_of
from include.cli.stack_in_use import AirflowInUse, airflow_in_use
from include.cli.stores import opened_store
from include.config.results import ScoreResult
from include.config.stages import score_dag_id
from include.io.ledger import Ledger
from include.stack import backfill, night
from include.stack.backfill import DayRun
from include.stack.environment import task_logs
from include.stack.pause import others_need, unpaused
from include.stack.running import running_stack

VERDICTS = ("PROMOTE", "HOLD", "REJECT")


def backfill_days(asked: Asked, *, dry_run: bool, as_json: bool, s3: bool) -> int:
    """Run the days and return the exit status: 0 when every run succeeded, else 1.

    Args:
        asked: The days, and how.
        dry_run: Only say which days would run.
        as_json: Print JSON on stdout.
        s3: Keep objects in an own S3 server.

    Raises:
        SettingsError: Another backfill of the Dag is active.
        NightshiftError: The stack does not start, or Airflow refuses something.
    """
    console = errors() if as_json else output()
    if dry_run or not asked.to_run:
        return _show_plan(console, asked, as_json=as_json, dry_run=dry_run)
    request = asked.request
    title = f"{request.dag_id}: {_days(asked.to_run)} of {request.first} to {request.last}, {request.parallel} at once"
    with (
        BackfillView(console, title, request.parallel) as view,
        airflow_in_use(asked.settings, request.dag_id, demo_jobs(asked), view, s3=s3) as used,
    ):
        outcomes = _run(asked, used, view)
    stays = running_stack(asked.settings.home) is not None
    outcomes = _with_verdicts(asked, outcomes, s3=s3)
    _conclude(console, asked, outcomes, as_json=as_json, ui_stays=stays, seconds=view.seconds)
    return 0 if all(one.succeeded for one in outcomes) else 1


def _show_plan(console: Console, asked: Asked, *, as_json: bool, dry_run: bool) -> int:
    request = asked.request
    if as_json:
        days = [{"day": str(day), "result": "would run"} for day in asked.to_run]
        print_json({"dag_id": request.dag_id, "days": days, "left_out": _left_out(asked)})
        return 0
    if asked.to_run:
        console.print(f"would run {_days(asked.to_run)} of {request.dag_id}, {request.parallel} at once:")
        for day in asked.to_run:
            console.print(f"  {day}")
    elif not dry_run:
        console.print(f"{request.dag_id}: nothing to do, every day of the range has run before")
    show_left_out(console, asked.left_out)
    return 0


def _run(asked: Asked, used: AirflowInUse, view: BackfillView) -> list[DayOutcome]:
    request, home = asked.request, asked.settings.home
    created = backfill.create(used.api, request, home)
    view.note(
        f"backfill {created.number} of {len(created.runs)} runs" + ("" if used.own else f": {_page(asked, used)}")
    )

    def interrupted(unfinished: int) -> None:
        if unfinished:
            view.note(f"ended: {unfinished} days were not finished and count as failed; to go on: {_again(asked)}")

    view.doing("")
    outcomes = []
    with unpaused(used.api, request.dag_id, home) as was_paused:
        if was_paused and not used.own:
            view.note(
                f"{request.dag_id} was paused and is again at the end; until then it runs by the clock, too: "
                "when it has run before, the newest night it has missed comes at once, as a night of its own"
            )
        with backfill.ended_with_us(used.api, created, interrupted):
            for run in backfill.follow(used.api, created, lambda runs: _show(asked, used, view, runs), used.check):
                outcomes.append(_outcome(asked, used, run))
        if was_paused:
            _wait_for_others(asked, used, view)
    return sorted(outcomes, key=lambda one: one.day)


def _show(asked: Asked, used: AirflowInUse, view: BackfillView, runs: Sequence[DayRun]) -> None:
    view.days(runs)
    dag_id, states = asked.request.dag_id, {run.state for run in runs}
    stands = "queued" in states and "running" not in states and (used.api.dag(dag_id) or {}).get("is_paused")
    view.doing(f"{dag_id} was paused by somebody: no day starts until it is let run again in the UI" if stands else "")


def _wait_for_others(asked: Asked, used: AirflowInUse, view: BackfillView) -> None:
    """Let other runs end before their Dag is paused again: in a paused one they would stand still."""
    dag_id = asked.request.dag_id
    while not others_need(asked.settings.home, dag_id):
        others = [run["dag_run_id"] for run in used.api.runs(dag_id, "running", "queued")]
        if not others:
            return
        view.doing(f"waiting for {', '.join(others)}: a paused Dag would leave it unfinished")
        used.check()
        time.sleep(backfill.POLL_SECONDS)


def _outcome(asked: Asked, used: AirflowInUse, run: DayRun) -> DayOutcome:
    """Return what Airflow knows of a run that has ended; verdicts come from the ledger, by `_with_verdicts`."""
    api, dag_id = used.api, asked.request.dag_id
    succeeded, seconds = run.state == "success", run.seconds or 0.0
    tasks = api.tasks(dag_id, run.run_id)
    ended = night.outcome(api, dag_id, run.run_id, succeeded, tasks, task_logs(asked.settings.home))
    scored = api.result(dag_id, run.run_id, "score") if succeeded else None
    if scored is not None:
        return DayOutcome(run.day, run.run_id, succeeded, *_scored(ScoreResult.model_validate(scored)), seconds)
    if succeeded:
        return DayOutcome(run.day, run.run_id, succeeded, "skipped", "there was nothing to do", seconds)
    reason = ended.failures[0].error if ended.failures else "the run was ended before it was finished"
    return DayOutcome(run.day, run.run_id, succeeded, "FAILED", reason, seconds, ended.failures)


def _scored(result: ScoreResult) -> tuple[str, str]:
    if result.skipped:
        return "skipped", result.skipped
    there = "" if result.written else ", which were there"
    return "scored", f"{result.rows} predictions of version {result.version} (data up to {result.model_as_of}){there}"


def _with_verdicts(asked: Asked, outcomes: list[DayOutcome], *, s3: bool) -> list[DayOutcome]:
    with opened_store(asked.settings, s3=s3) as store:
        entries = Ledger(store, asked.project.name).entries()
    decided = {
        entry.origin.run_id: entry
        for entry in entries
        if entry.kind == "decision" and entry.origin.dag_id == asked.request.dag_id
    }
    told = []
    for one in outcomes:
        entry = decided.get(one.run_id)
        if entry is not None and entry.verdict is not None and (one.succeeded or entry.verdict == "REJECT"):
            one = replace(one, result=entry.verdict, reason=entry.reason, failures=())  # noqa: PLW2901
        told.append(one)
    return told


def _conclude(
    console: Console, asked: Asked, outcomes: list[DayOutcome], *, as_json: bool, ui_stays: bool, seconds: float
) -> None:
    if as_json:
        days = [one.as_json() for one in outcomes]
        print_json({"dag_id": asked.request.dag_id, "days": days, "left_out": _left_out(asked)})
        return
    console.print()
    show_days(console, outcomes, asked.left_out)
    name = f"{asked.project.name}{option_of(asked.settings.namespace)}"
    if any(one.result in VERDICTS for one in outcomes):
        console.print(
            f"history   a backfill promotes nothing; night by night: ./nightshift history {name}", markup=False
        )
    if not ui_stays:
        console.print("Airflow   ./nightshift up shows the runs", markup=False)
    console.print(_counts(outcomes), markup=False)
    console.print(f"finished in {seconds:.0f} s")


def _counts(outcomes: list[DayOutcome]) -> str:
    counts = Counter(one.result for one in outcomes)
    parts = [f"{count} {result}" for result, count in sorted(counts.items())]
    rejected = counts["REJECT"]
    told = f"; {rejected} REJECT: a gate failed, so the run did, too" if rejected else ""
    return f"{_days(outcomes)}: {', '.join(parts)}{told}"


def _days(counted: Sized) -> str:
    return "1 day" if len(counted) == 1 else f"{len(counted)} days"


def _left_out(asked: Asked) -> dict[str, str]:
    return {str(day): state for day, state in sorted(asked.left_out.items())}


def _page(asked: Asked, used: AirflowInUse) -> str:
    return f"{used.api.url}/dags/{asked.request.dag_id}/backfills"


def _again(asked: Asked) -> str:
    request, namespace = asked.request, asked.settings.namespace
    options = " --score" if request.dag_id == score_dag_id(asked.project.name, namespace) else ""
    options += option_of(namespace)
    options += f" --window-days {request.conf['window_days']}" if "window_days" in request.conf else ""
    return f"./nightshift backfill {asked.project.name} {request.first} {request.last} --reprocess failed{options}"
