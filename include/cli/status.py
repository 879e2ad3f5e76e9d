"""Show each project's champion and last decision, and what its ledger holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from include.cli import decision_view
from include.cli.console import Column, errors, output, print_json, table
from include.config.credentials import ADMIN
from include.config.project import Project
from include.config.settings import Settings
from include.domain.decision import LedgerEntry
from include.domain.errors import NightshiftError, ObjectMissingError, StoreError

if TYPE_CHECKING:
    from include.io.ledger import Ledger
    from include.io.object_store import ObjectStore
    from include.stack.state_directory import StackState


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

    from include.cli.stack_in_use import opened_store
    from include.config.discovery import Discovered, discover, load_project
    from include.stack.state_directory import read_state

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

    from include.cli.decision_view import who
    from include.io.ledger import Ledger, read_decision

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
    from include.cli.decision_view import COLOURS
    from include.cli.decision_view import number as shown_number

    champion, last = project["champion"], project["last_decision"]
    return [
        escape(project["project"]),
        f"version {escape(champion['version'])} ({escape(champion['candidate'])})" if champion else "none yet",
        champion["as_of"] if champion else "-",
        f"{champion['metric']} {shown_number(champion['value'])}" if champion else "-",
        f"{last['number']}: [{COLOURS[last['verdict']]}]{last['verdict']}[/] as of {last['as_of']}" if last else "-",
        escape(project["schedule"]),
    ]


LEDGER_COLUMNS = (
    Column("number", right=True),
    Column("kind", leaves=5),
    Column("verdict"),
    Column("as of"),
    Column("candidate", leaves=3),
    Column("version", leaves=4),
    Column("made at (UTC)", leaves=2),
    Column("by", leaves=1),
    Column("reason", sentences=True),
)


def show_decision(project: str, number: int | None, *, every_gate: bool, as_json: bool, s3: bool) -> int:
    """Print the decision of ledger entry `number` (default: the newest) as a table or as JSON.

    Raises:
        ObjectMissingError: The ledger has no such entry.
    """

    from include.cli.stack_in_use import opened_store
    from include.config.discovery import load_project
    from include.io.ledger import Ledger, read_decision

    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_store(settings, s3=s3) as store:
        ledger = Ledger(store, name)
        entry = find_entry(name, ledger, number)
        decision = read_decision(store, name, entry.decision_id)
        champion = ledger.champion()
    if as_json:
        print_json({"entry": entry.model_dump(mode="json"), "decision": decision.model_dump(mode="json")})
    else:
        decision_view.show(output(), decision, entry, champion, every_gate=every_gate)
        output().print(f"report    {escape(entry.report_uri)}", soft_wrap=True)
    return 0


def show_ledger(project: str, *, as_json: bool, s3: bool) -> int:
    """Print every entry, oldest first, as a table or as JSON."""

    from include.cli.stack_in_use import opened_store
    from include.config.discovery import load_project
    from include.io.ledger import Ledger

    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_store(settings, s3=s3) as store:
        entries = Ledger(store, name).entries()
    if as_json:
        print_json([entry.model_dump(mode="json") for entry in entries])
        return 0
    if not entries:
        output().print(f"{name}: no decision yet; ./nightshift run {name}")
        return 0
    console = output()
    console.print(table(LEDGER_COLUMNS, [_ledger_row(entry) for entry in entries], console.width))
    return 0


def _ledger_row(entry: LedgerEntry) -> list[str]:
    return [
        str(entry.number),
        entry.kind,
        f"[{decision_view.COLOURS[entry.verdict]}]{entry.verdict}[/]" if entry.verdict else "-",
        str(entry.as_of),
        escape(entry.candidate),
        escape(entry.version or "-"),
        f"{entry.made_at:%Y-%m-%d %H:%M:%S}",
        escape(decision_view.who(entry)),
        escape(entry.reason),
    ]


def find_entry(project: str, ledger: Ledger, number: int | None) -> LedgerEntry:
    """Return entry `number`, or the newest decision.

    Raises:
        ObjectMissingError: There is none.
    """
    entry = next(iter(ledger.newest(1)), None) if number is None else ledger.numbered(number)
    if entry is None:
        entries = ledger.entries()
        raise ObjectMissingError(
            f"the ledger of {project}",
            "no such entry" if entries else "no decision yet",
            got="" if number is None else str(number),
            allowed=(f"1 to {len(entries)}",) if entries else (),
            hint="" if entries else f"./nightshift run {project}",
        )
    return entry
