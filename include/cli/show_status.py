"""Show in one look: each project's champion and last decision, and the running stack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.markup import escape

from include.cli.console import errors, output, print_json
from include.cli.decision_view import COLOURS, number, who
from include.cli.stores import opened_store
from include.cli.tables import Column, table
from include.config.discovery import Discovered, discover, load_project
from include.config.errors import NightshiftError, StoreError
from include.config.project import Project
from include.config.settings import Settings
from include.io.decisions import read_decision
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.stack.credentials import ADMIN
from include.stack.state import StackState, read_state

COLUMNS = (
    Column("project"),
    Column("champion"),
    Column("as of", leaves=4),
    Column("metric", leaves=2),
    Column("last decision", leaves=3),
    Column("schedule (UTC)", leaves=1),
)


def show_status(only: str, *, as_json: bool, s3: bool) -> int:
    """Print the status as a table or as JSON; needs no running stack.

    Raises:
        UnknownProjectError: `only` is no project.
    """
    settings = Settings.from_environment()
    found = discover(settings.projects_dir)
    if only and only not in found.broken:
        project = load_project(settings.projects_dir, only)
        found = Discovered({only: project}, {})
    with opened_store(settings, s3=s3) as store:
        projects, damaged = _statuses(store, found.projects.values(), only)
        where = store.url
    state = read_state(settings.home)
    stack = stack_status(state if state is not None and state.alive() else None)
    broken = {name: [str(problem) for problem in problems] for name, problems in found.broken.items()}
    if as_json:
        answer = {"home": str(settings.home), "store": where, "stack": stack, "projects": projects, "broken": broken}
        print_json({**answer, "damaged": damaged})
    else:
        _print(projects, broken, stack)
        for name, problem in damaged.items():
            errors().print(f"{name}: its records cannot be read: {problem}", style="red", markup=False, soft_wrap=True)
    return 0


def _statuses(
    store: ObjectStore, projects: Iterable[Project], only: str
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return each project's status, and by name why there is none: damaged records hide no other project.

    Raises:
        StoreError: The store does not answer: that is no project's own.
        NightshiftError: The one project that was asked for has damaged records.
    """
    found, damaged = [], {}
    for project in projects:
        try:
            found.append(project_status(store, project))
        except NightshiftError as error:
            if only or isinstance(error, StoreError):
                raise
            damaged[project.name] = str(error)
    return found, damaged


def project_status(store: ObjectStore, project: Project) -> dict[str, Any]:
    """Return a project's champion and last decision as JSON values; None for what there is not."""
    ledger = Ledger(store, project.name)
    entries = ledger.entries()
    now = ledger.in_force()
    champion = now.champion
    last = next((entry for entry in reversed(entries) if entry.kind == "decision"), None)
    status: dict[str, Any] = {
        "project": project.name,
        "schedule": project.schedule,
        "decisions": sum(entry.kind == "decision" for entry in entries),
        "champion": None,
        "pin": None,
        "last_decision": None,
    }
    if champion is not None:
        decided = read_decision(store, project.name, champion.decision_id)
        status["champion"] = {
            "version": champion.version,
            "as_of": champion.as_of.isoformat(),
            "candidate": champion.candidate,
            "metric": decided.primary_metric,
            "value": decided.challenger.holdout.get(decided.primary_metric),
            "ledger_number": champion.number,
        }
    if now.pin is not None:
        status["pin"] = {
            "by": who(now.pin),
            "reason": now.pin.reason,
            "since": now.pin.made_at.isoformat(),
            "ledger_number": now.pin.number,
        }
    if last is not None:
        status["last_decision"] = {
            "number": last.number,
            "verdict": last.verdict,
            "as_of": last.as_of.isoformat(),
            "made_at": last.made_at.isoformat(),
            "reason": last.reason,
        }
    return status


def stack_status(state: StackState | None) -> dict[str, Any]:
    """Return the addresses of a running stack; `running` is false without one."""
    if state is None:
        return {"running": False}
    return {
        "running": True,
        "mode": state.mode,
        "since": state.started_at.isoformat(),
        "airflow": state.airflow_url,
        "mlflow": state.mlflow_url or None,
        "store": state.store_url,
        "user": ADMIN,
    }


def _print(projects: list[dict[str, Any]], broken: dict[str, list[str]], stack: dict[str, Any]) -> None:
    console = output()
    if projects:
        console.print(table(COLUMNS, [_row(project) for project in projects], console.width))
    for project in projects:
        if pin := project["pin"]:
            console.print(
                f"pinned    {escape(project['project'])} by {escape(pin['by'])}, {pin['since'][:10]}: "
                f"{escape(pin['reason'])}"
            )
    for name, problems in broken.items():
        errors().print(
            f"{name}: broken, {len(problems)} problem(s); ./nightshift check {name}", style="red", markup=False
        )
    if stack["running"]:
        console.print(
            f"stack     running ({stack['mode']}): Airflow {stack['airflow']}, MLflow {stack['mlflow'] or '-'}"
        )
    else:
        console.print("stack     not running; ./nightshift up starts it")


def _row(project: dict[str, Any]) -> list[str]:
    champion, last = project["champion"], project["last_decision"]
    return [
        escape(project["project"]),
        f"version {escape(champion['version'])} ({escape(champion['candidate'])})" if champion else "none yet",
        champion["as_of"] if champion else "-",
        f"{champion['metric']} {number(champion['value'])}" if champion else "-",
        f"{last['number']}: [{COLOURS[last['verdict']]}]{last['verdict']}[/] as of {last['as_of']}" if last else "-",
        escape(project["schedule"]),
    ]
