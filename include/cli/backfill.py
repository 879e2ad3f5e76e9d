"""Run nights or scorings of many days: check what is asked, create the backfill, follow it, show each day's outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence, Sized
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from include.airflow_client.backfill import left_out
from include.cli.console import errors, output, print_json
from include.cli.options import Docker, Namespace, option_of, parse_day
from include.cli.run import checked_window
from include.config.project import Project
from include.config.schedule import scheduled_days
from include.config.settings import Settings
from include.domain.clock import newest_complete_day
from include.domain.errors import AsOfError, SettingsError
from include.domain.names import retrain_dag_id, score_dag_id
from include.domain.results import ScoreResult

if TYPE_CHECKING:
    from include.airflow_client.backfill import BackfillRequest, DayRun, Reprocess
    from include.cli.night_view import BackfillView, DayOutcome
    from include.cli.stack_in_use import AirflowInUse


# how far around a range a day of the schedule is looked for: the year of "0 4 29 2 *" is not worth a hint
NEAR = timedelta(days=400)


@dataclass(frozen=True)
class Asked:
    """Hold a checked request.

    Attributes:
        days: Those of the range that the schedule has.
        left_out: Days that have run before and stay as they are, with the state of their run.
    """

    settings: Settings
    project: Project
    request: BackfillRequest
    days: tuple[date, ...]
    left_out: dict[date, str]

    @property
    def to_run(self) -> tuple[date, ...]:
        """Return the days that run."""
        return tuple(day for day in self.days if day not in self.left_out)


def ask(
    project_name: str,
    span: tuple[str, str],
    *,
    parallel: int,
    reprocess: Reprocess,
    window_days: int | None,
    score: bool,
) -> Asked:
    """Return the request with the days it is about.

    Raises:
        UnknownProjectError, DeclarationError: There is no such project, or it is broken.
        AsOfError: The range is wrong, not complete yet, or has no day of the schedule.
        SettingsError: The project declares no scoring, the window is none of this project, or another backfill of
            the Dag is active.
    """

    from include.airflow_client.backfill import BackfillRequest, refuse_second_early, states_of_days
    from include.config.discovery import load_project

    settings = Settings.from_environment()
    project = load_project(settings.projects_dir, project_name)
    first, last = _range(*span)
    schedule, dag_id = _schedule(project, settings.namespace, score=score)
    if window_days is not None:
        if score:
            raise SettingsError(
                "option --window-days", "scoring has no window", hint="leave it out, or leave out --score"
            )
        checked_window(project, window_days)
    days = scheduled_days(schedule, first, last)
    if not days:
        raise AsOfError(
            f"project {project.name}",
            f"no run of its schedule {schedule!r} is about a day of the range",
            got=f"{first} to {last}",
            hint=_nearest(schedule, first, last),
        )
    conf = {} if window_days is None else {"window_days": window_days}
    request = BackfillRequest(dag_id, first, last, parallel, reprocess, conf)
    refuse_second_early(settings.home, dag_id)
    states = states_of_days(settings.home, dag_id, first, last)
    return Asked(settings, project, request, tuple(days), left_out(days, states, reprocess))


def demo_jobs(asked: Asked) -> list[tuple[str, ...]]:
    """Return the job that delivers the demo data which the days read; none for a project with a source of its own."""

    from include.demo_feed.feed import FEEDS, days_needed

    if asked.project.name not in FEEDS or not asked.to_run:
        return []
    days = asked.to_run
    first, _ = days_needed(asked.project, days[0], asked.request.conf.get("window_days"))
    return [("demo-data", "include.demo_feed.feed", asked.project.name, str(first), str(days[-1]))]


def _range(first_text: str, last_text: str) -> tuple[date, date]:
    first, last = parse_day(first_text, "FROM"), parse_day(last_text, "TO")
    if first > last:
        raise AsOfError("arguments FROM and TO", "the first day is after the last", got=f"{first} to {last}")
    newest = newest_complete_day()
    if last > newest:
        raise AsOfError("argument TO", "the day is not complete yet", got=str(last), allowed=(f"up to {newest}",))
    return first, last


def _schedule(project: Project, namespace: str, *, score: bool) -> tuple[str, str]:
    if not score:
        return project.schedule, retrain_dag_id(project.name, namespace)
    if project.scoring is None:
        raise SettingsError(
            "option --score",
            f"project {project.name} declares no scoring",
            hint='add `scoring: {schedule: "0 10 * * *"}` to its project.yaml',
        )
    return project.scoring.schedule, score_dag_id(project.name, namespace)


def _nearest(schedule: str, first: date, last: date) -> str:
    before = scheduled_days(schedule, first - NEAR, first)[-1:]
    after = [day for day in scheduled_days(schedule, last, last + NEAR) if day <= newest_complete_day()][:1]
    near = " and ".join(str(day) for day in (*before, *after))
    return f"the nearest days are {near}" if near else "choose other days"


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

    from include.cli.night_view import BackfillView
    from include.cli.stack_in_use import airflow_in_use
    from include.stack.state_directory import running_stack

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
    from include.cli.night_view import show_left_out

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
    from include.airflow_client import backfill as airflow_backfill
    from include.airflow_client.run_locks import unpaused

    request, home = asked.request, asked.settings.home
    created = airflow_backfill.create(used.api, request, home)
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
        with airflow_backfill.ended_with_us(used.api, created, interrupted):
            for run in airflow_backfill.follow(
                used.api, created, lambda runs: _show(asked, used, view, runs), used.check
            ):
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

    from include.airflow_client import backfill as airflow_backfill
    from include.airflow_client.run_locks import others_need

    dag_id = asked.request.dag_id
    while not others_need(asked.settings.home, dag_id):
        others = [run["dag_run_id"] for run in used.api.runs(dag_id, "running", "queued")]
        if not others:
            return
        view.doing(f"waiting for {', '.join(others)}: a paused Dag would leave it unfinished")
        used.check()
        time.sleep(airflow_backfill.POLL_SECONDS)


def _outcome(asked: Asked, used: AirflowInUse, run: DayRun) -> DayOutcome:
    """Return what Airflow knows of a run that has ended; verdicts come from the ledger, by `_with_verdicts`."""

    from include.airflow_client import runs as airflow_runs
    from include.cli.night_view import DayOutcome
    from include.stack.environment import task_logs

    api, dag_id = used.api, asked.request.dag_id
    succeeded, seconds = run.state == "success", run.seconds or 0.0
    tasks = api.tasks(dag_id, run.run_id)
    ended = airflow_runs.outcome(api, dag_id, run.run_id, succeeded, tasks, task_logs(asked.settings.home))
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
    from include.cli.stack_in_use import opened_store
    from include.io.ledger import Ledger

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
    from include.cli.night_view import show_days

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


EXAMPLE = "./nightshift backfill flight_delay 2013-06-01 2013-06-30 --parallel 2"


def backfill(  # noqa: PLR0913, PLR0917 - each is an option of the command
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")],
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first day the runs are about, YYYY-MM-DD.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last day; it belongs to them.")],
    parallel: Annotated[
        int, typer.Option("--parallel", metavar="N", min=1, max=32, help="Run N days at once; 1 runs them in order.")
    ] = 2,
    reprocess: Annotated[
        Literal["none", "failed", "completed"],
        typer.Option("--reprocess", help="Which days run again though they have run: none, those that failed, all."),
    ] = "none",
    window_days: Annotated[
        int | None, typer.Option("--window-days", metavar="N", help="Use N days instead of the declared window.")
    ] = None,
    score: Annotated[bool, typer.Option("--score", help="Score the days instead of retraining on them.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which days would run and which are left out; start nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress goes to stderr.")] = False,
    s3: Annotated[
        bool, typer.Option("--s3", help="Keep artifacts in an S3 server (SeaweedFS) that is started for it.")
    ] = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Run past days of a project by Airflow's own backfill, and sum up what was decided.

    Each day knows only what was known then. A backfill promotes nothing: `history` shows what would have been decided.
    Uses the stack of `up` when it runs; else starts one, and stops it afterwards. The exit status is 0 when every run
    succeeded, 1 when one failed or was a REJECT, 2 when what was asked is not possible.
    """
    pass
    pass

    asked = ask(
        project,
        (first, last),
        parallel=parallel,
        reprocess=reprocess,
        window_days=window_days,
        score=score,
    )
    raise typer.Exit(backfill_days(asked, dry_run=dry_run, as_json=as_json, s3=s3))
