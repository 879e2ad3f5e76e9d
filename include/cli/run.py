"""Run one night: find or start a stack, trigger the Dag, follow it, show the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from include.cli import decision_view
from include.cli.console import output
from include.cli.options import option_of, parse_day
from include.config.credentials import ADMIN, load_credentials
from include.config.project import Project
from include.config.settings import Settings
from include.domain.clock import complete, newest_complete_day
from include.domain.errors import SettingsError
from include.domain.names import named_in

if TYPE_CHECKING:
    from include.airflow_client import runs
    from include.cli.night_view import NightView
    from include.cli.stack_in_use import AirflowInUse


# the bounds of `window.days` in a declaration
MIN_WINDOW_DAYS, MAX_WINDOW_DAYS = 3, 1825


def run_night(
    project_name: str, as_of: str, *, s3: bool, force: bool, refresh_raw: bool, window_days: int | None
) -> int:
    """Run one night and return the exit status: 0 for PROMOTE and HOLD, 1 for REJECT and failures.

    Args:
        project_name: The project.
        as_of: The day, or an empty string for the newest complete one.
        s3: Keep objects in an own S3 server.
        force: Prepare and train again.
        refresh_raw: Read the source again for every day of the window.
        window_days: Replace the declared window.

    Raises:
        NightshiftError: What was asked is not possible, or the stack does not start.
    """

    from include.airflow_client import runs
    from include.cli.night_view import NightView
    from include.cli.stack_in_use import airflow_in_use
    from include.config.discovery import load_project

    settings = Settings.from_environment()
    project = load_project(settings.projects_dir, project_name)
    day = complete(parse_day(as_of, "--as-of")) if as_of else newest_complete_day()
    conf: dict[str, Any] = {name: True for name, asked in (("force", force), ("refresh_raw", refresh_raw)) if asked}
    if window_days is not None:
        conf["window_days"] = checked_window(project, window_days)
    request = runs.NightRequest(project.name, day, conf, settings.namespace)
    console, shown = output(), named_in(settings.namespace, project.name)
    with (
        NightView(console, f"{shown}: one night, as of {day}") as view,
        airflow_in_use(settings, request.dag_id, _demo_jobs(project, request), view, s3=s3) as used,
    ):
        outcome = _night(settings, used, request, view)
    return _conclude(console, settings, outcome, project.name, s3=s3, ui_stays=not used.own, seconds=view.seconds)


def checked_window(project: Project, days: int) -> int:
    """Return the window's days when the project can work with so many.

    Raises:
        SettingsError: It cannot.
    """
    # Airflow's form refuses it, too, but only once everything has been started
    smallest, largest = max(MIN_WINDOW_DAYS, 2 * project.window.holdout_days), MAX_WINDOW_DAYS
    if not smallest <= days <= largest:
        raise SettingsError(
            "option --window-days", "not a window of this project", got=str(days), allowed=(f"{smallest} to {largest}",)
        )
    return days


def _night(settings: Settings, used: AirflowInUse, request: runs.NightRequest, view: NightView) -> runs.NightOutcome:
    from include.airflow_client import runs
    from include.airflow_client.run_locks import unpaused
    from include.stack.environment import task_logs

    api, dag_id = used.api, request.dag_id
    # the runs of a backfill are counted by themselves
    waiting = [run for run in api.runs(dag_id, "running", "queued") if run["run_type"] != "backfill"]
    if waiting and (api.dag(dag_id) or {}).get("max_active_runs") == 1:
        view.note(f"{len(waiting)} run(s) of {dag_id} come first: one at a time")
    run_id = runs.trigger(api, request)
    view.doing("")
    with unpaused(api, dag_id, settings.home) as was_paused:
        if was_paused and not used.own:
            view.note(f"{dag_id} was paused and is again when this run ends; a night it has missed may run, too")
        show = _shown(settings, used, request, run_id, view)
        succeeded, tasks = runs.follow(api, dag_id, run_id, show, used.check)
    return runs.outcome(api, dag_id, run_id, succeeded, tasks, task_logs(settings.home))


def _shown(
    settings: Settings, used: AirflowInUse, request: runs.NightRequest, run_id: str, view: NightView
) -> Callable[[str, runs.Tasks], None]:
    """Return what shows the stages, and says once that the run waits for a person, and where to answer."""

    from include.airflow_client import runs
    from include.airflow_client.runs import waiting_for_a_person

    told = False

    def show(_: str, tasks: runs.Tasks) -> None:
        nonlocal told
        view.stages(runs.stages(tasks))
        if waiting_for_a_person(tasks) and not told:
            told = True
            for line in _how_to_answer(settings, used, request, run_id):
                view.note(line)

    return show


def _how_to_answer(settings: Settings, used: AirflowInUse, request: runs.NightRequest, run_id: str) -> list[str]:
    from include.airflow_client.runs import approval_url

    login = f"user {ADMIN}"
    if used.own:
        # the stack of `up` has shown it
        login += f", password {load_credentials(settings.home).admin_password.get_secret_value()}"
    return [
        "the run waits for a person: is the candidate promoted?",
        f"answer at {approval_url(used.api.url, request.dag_id, run_id)} ({login})",
        f"or in another shell: ./nightshift answer {request.project}{option_of(request.namespace)}",
    ]


def _demo_jobs(project: Project, request: runs.NightRequest) -> list[tuple[str, ...]]:
    from include.demo_feed.feed import FEEDS, days_needed

    if project.name not in FEEDS:
        return []
    first, last = days_needed(project, request.as_of, request.conf.get("window_days"))
    return [("demo-data", "include.demo_feed.feed", project.name, str(first), str(last))]


def _conclude(
    console: Console,
    settings: Settings,
    outcome: runs.NightOutcome,
    project: str,
    *,
    s3: bool,
    ui_stays: bool,
    seconds: float,
) -> int:
    console.print()
    rejected = outcome.evaluated is not None and outcome.evaluated.verdict == "REJECT"
    if outcome.evaluated is not None:
        _show_decision(console, settings, outcome, project, s3=s3)
    _show_where(console, settings, outcome, ui_stays=ui_stays)
    if not outcome.succeeded and not rejected:
        _show_failures(console, outcome)
    console.print(f"finished in {seconds:.0f} s")
    return 0 if outcome.succeeded and not rejected else 1


def _show_decision(console: Console, settings: Settings, outcome: runs.NightOutcome, project: str, *, s3: bool) -> None:
    from include.cli.stack_in_use import opened_store
    from include.io.ledger import Ledger, read_decision

    evaluated = outcome.evaluated
    assert evaluated is not None
    with opened_store(settings, s3=s3) as store:
        ledger = Ledger(store, project)
        decision = read_decision(store, project, evaluated.decision_id)
        entry = ledger.find(evaluated.decision_id, "decision")
        champion = ledger.champion()
    decision_view.show(console, decision, entry, champion)
    if entry is not None and entry.report_uri:
        console.print(f"report    {escape(entry.report_uri)}", soft_wrap=True)
    run_id = decision.challenger.tracking_run_id
    if run_id:
        console.print(
            f"MLflow    run {escape(run_id)} of experiment {escape(named_in(settings.namespace, project))}",
            soft_wrap=True,
        )


def _show_where(console: Console, settings: Settings, outcome: runs.NightOutcome, *, ui_stays: bool) -> None:
    from include.stack.environment import task_logs

    logs = task_logs(settings.home) / f"dag_id={outcome.dag_id}" / f"run_id={outcome.run_id}"
    if ui_stays:
        console.print(f"Airflow   {outcome.url}", soft_wrap=True, markup=False)
    else:
        console.print(f"Airflow   run {outcome.run_id}; ./nightshift up shows it", soft_wrap=True, markup=False)
    console.print(f"logs      {logs}", soft_wrap=True, markup=False)


def _show_failures(console: Console, outcome: runs.NightOutcome) -> None:
    from include.cli.night_view import Failed, show_failures

    console.print("[bold red]FAILED[/]  no decision was made" if outcome.evaluated is None else "[bold red]FAILED[/]")
    show_failures(console, [Failed(failure) for failure in outcome.failures])
