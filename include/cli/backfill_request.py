"""Check what a backfill asks for before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from include.cli.days import parse_day
from include.cli.run_night import checked_window
from include.config.clock import newest_complete_day
from include.config.discovery import load_project
from include.config.errors import AsOfError, SettingsError
from include.config.project import Project
from include.config.schedule import scheduled_days
from include.config.settings import Settings
from include.config.stages import retrain_dag_id, score_dag_id
from include.demo_feed.feed import FEEDS
from include.stack.backfill import BackfillRequest
from include.stack.demo_data import days_needed
from include.stack.past_runs import Reprocess, left_out, refuse_second_early, states_of_days

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
    if asked.project.name not in FEEDS or not asked.to_run:
        return []
    days = asked.to_run
    first, _ = days_needed(asked.project, days[0], asked.request.conf.get("window_days"))
    return [("demo-data", "include.stack.demo_data", asked.project.name, str(first), str(days[-1]))]


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
