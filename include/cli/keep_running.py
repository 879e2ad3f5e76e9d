"""Start the stack so that it outlives the shell, and stop it again."""

from __future__ import annotations

from datetime import date

from rich.console import Console

from include.cli.console import output
from include.cli.night_view import NightView
from include.config.clock import newest_complete_day
from include.config.discovery import discover
from include.config.errors import SettingsError
from include.config.settings import Settings
from include.demo_feed.feed import FEEDS
from include.stack.commands import stack_job
from include.stack.credentials import ADMIN, load_credentials
from include.stack.demo_data import days_delivered
from include.stack.processes import Job
from include.stack.running import running_stack, stop_stack
from include.stack.stack import Stack
from include.stack.state import StackState, exclusive, read_state, refuse_inside

# the flights are of 2013: backfills of that year, with the window before it, are what people try first
REPLAYED = (date(2012, 10, 1), date(2013, 12, 31))


def start_up(*, s3: bool) -> int:
    """Start the stack, wait until it is healthy and its demo data is there, and print where it is.

    Raises:
        SettingsError: A `run` is using the home, or a chosen port is in use.
        StackError: A component does not start; nothing is left running then.
    """
    refuse_inside()
    settings, console = Settings.from_environment(), output()
    state = running_stack(settings.home)
    if state is not None and state.mode == "up":
        if s3 and not state.store_environment:
            raise SettingsError(
                "option --s3", "a stack without it is running", got=state.store_url, hint="./nightshift down first"
            )
        console.print("already running")
        # what the demo's sources would have delivered since it was started
        for job in [stack_job(settings, state, *job) for job in demo_jobs(settings, replayed=False)]:
            job.wait()
        _show(console, settings, state)
        return 0
    with exclusive(settings.home):
        state = _start(settings, console, s3=s3)
    _show(console, settings, state)
    return 0


def shut_down() -> int:
    """Stop the stack of `up`; when none runs, end what a killed command may have left.

    Raises:
        SettingsError: The running stack belongs to a `run`, which stops it by itself.
    """
    refuse_inside()
    settings, console = Settings.from_environment(), output()
    state = read_state(settings.home)
    if state is None:
        console.print("nothing is running")
        return 0
    if state.mode == "run" and state.alive():
        raise SettingsError(
            str(settings.home), "the running stack belongs to ./nightshift run", hint="interrupt that command instead"
        )
    with exclusive(settings.home):
        stop_stack(settings.home, state)
    console.print("stopped")
    return 0


def _start(settings: Settings, console: Console, *, s3: bool) -> StackState:
    stack = Stack(settings, "up", s3=s3, say=lambda text: None)
    try:
        with NightView(console, "starting the stack") as view:
            view.doing("starting Airflow and MLflow")
            stack.start(demo_jobs(settings, replayed=True))
            for name in stack.moved_ports():
                view.note(name)
            stack.wait_until_healthy(lambda: _show_data(stack.jobs, view))
            for job in stack.jobs:
                view.doing(f"delivering the days of {job.name}")
                job.wait(lambda job=job: view.doing(f"{job.name}: {job.last_line()} days", small=True))  # type: ignore[misc]
            view.note(f"running after {view.seconds:.0f} s")
    except BaseException:
        stack.stop()
        raise
    return stack.state


def demo_jobs(settings: Settings, *, replayed: bool) -> list[tuple[str, str, str, str, str]]:
    """Return the programs that deliver the newest days: name, module, project, first and last day.

    They reach back far enough for a backfill of the newest week. With `replayed` those of the year that the flights are
    of, too: what people backfill first.
    """
    jobs = []
    projects = discover(settings.projects_dir).projects
    for name in sorted(set(FEEDS) & set(projects)):
        recent = days_delivered(projects[name], newest_complete_day())
        spans = {"2013": REPLAYED, "recent": recent} if replayed else {"recent": recent}
        for label, (begin, end) in spans.items():
            jobs.append((f"demo-{name}-{label}", "include.stack.demo_data", name, str(begin), str(end)))
    return jobs


def _show_data(jobs: list[Job], view: NightView) -> None:
    for job in jobs:
        if not job.finished() and job.last_line():
            view.doing(f"starting Airflow and MLflow; {job.name}: {job.last_line()} days", small=True)


def _show(console: Console, settings: Settings, state: StackState) -> None:
    password = load_credentials(settings.home).admin_password.get_secret_value()
    lines = [
        f"Airflow   {state.airflow_url}   user {ADMIN}, password {password}",
        f"MLflow    {state.mlflow_url or state.tracking_url}",
        f"store     {state.store_url}",
        f"logs      {settings.home / 'logs'}",
        "Every Dag is paused: unpause one in the UI to have it run every night, or run a night now: ./nightshift run",
        "Stop it all with ./nightshift down",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
