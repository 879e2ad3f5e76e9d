"""Change by hand which version is champion (rollback, pin, promote, reconcile), and answer questions that wait."""

from __future__ import annotations

import getpass
import os
import uuid
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape

from include.cli.console import output, print_json
from include.cli.options import NAME, AsJson, Docker, Namespace, option_of
from include.config.credentials import load_credentials
from include.config.settings import Settings, git_commit, lock_hash
from include.domain import clock
from include.domain.decision import LedgerEntry
from include.domain.errors import NightshiftError, SettingsError
from include.domain.names import asset_uri, named_in, retrain_dag_id
from include.domain.results import Origin

if TYPE_CHECKING:
    from include.airflow_client.runs import OpenApproval
    from include.operations.manual_action import Change
    from include.operations.reconcile import Reconciled


USER_VARIABLE = "NIGHTSHIFT_USER"
DONE = {"promote": "PROMOTED", "rollback": "ROLLED BACK", "pin": "PINNED", "unpin": "UNPINNED"}


def perform(
    kind: Literal["promote", "rollback", "pin", "unpin"],
    project: str,
    reason: str,
    *,
    version: str = "",
    as_json: bool,
    s3: bool,
) -> int:
    """Do the act, print what changed, and return the exit status: 1 when pointer or alias stays behind.

    Raises:
        NightshiftError: What was asked is not possible, or a release does not load; nothing was changed.
    """

    from include.cli.stack_in_use import opened_place
    from include.config.discovery import load_project
    from include.operations.champion import pin as pin_champion
    from include.operations.champion import promote_version, roll_back
    from include.operations.champion import unpin as unpin_champion
    from include.operations.manual_action import ManualAction

    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_place(settings, s3=s3) as (store, tracking_url):
        act = ManualAction(store, tracking_url, name, reason, origin_of_person())
        if kind == "promote":
            change = promote_version(act, version)
        elif kind == "rollback":
            change = roll_back(act, version)
        else:
            change = pin_champion(act) if kind == "pin" else unpin_champion(act)
    told = _tell_airflow(settings, change) if kind in ("promote", "rollback") else ""
    if as_json:
        print_json(change.model_dump(mode="json"))
    else:
        _show(output(), DONE[kind], change, told)
    return 1 if change.behind else 0


def _tell_airflow(settings: Settings, change: Change) -> str:
    """Tell the Dags that wait for the project's champion that it is another one, and return what came of it.

    What is in force is so by the ledger, whether or not Airflow hears of it; where none runs there is nothing to say.
    """

    from include.airflow_client.api import AirflowApi
    from include.stack.state_directory import running_stack

    name = named_in(settings.namespace, change.entry.project)
    told = {"version": change.after.version, "ledger_number": change.entry.number}
    try:
        state = running_stack(settings.home)
        if state is None:
            return ""
        api = AirflowApi(state.airflow_url, load_credentials(settings.home).admin_password)
        known = api.announce(asset_uri(name, "champion"), told)
    except NightshiftError as error:
        return f"was not told: {error}"
    return "told the Dags that wait for the champion" if known else "knows no champion of this project yet"


def compare_with_ledger(project: str, *, dry_run: bool, deep: bool, as_json: bool, s3: bool) -> int:
    """Reconcile, print what was wrong and what was repaired, and return the exit status: 1 when something is left.

    Raises:
        ArtifactDamagedError: The ledger itself is damaged.
    """

    from include.cli.stack_in_use import opened_place
    from include.config.discovery import load_project
    from include.operations.reconcile import reconcile as reconcile_project

    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_place(settings, s3=s3) as (store, tracking_url):
        found = reconcile_project(store, tracking_url, name, origin_of_person(), dry_run=dry_run, deep=deep)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _show_reconciled(output(), name, found, dry_run=dry_run or deep)
    return 1 if found.left else 0


def origin_of_person() -> Origin:
    """Return who types the command, with a run id that no other command has.

    Raises:
        SettingsError: This system does not know who.
    """
    return Origin(
        run_id=f"local__{clock.now():%Y-%m-%dT%H:%M:%S}_{uuid.uuid4().hex[:8]}",
        triggered_by=_who(),
        git_commit=git_commit(),
        lock_hash=lock_hash(),
    )


def _who() -> str:
    try:
        return os.environ.get(USER_VARIABLE, "").strip() or getpass.getuser()
    except (OSError, KeyError) as error:
        raise SettingsError(
            f"environment variable {USER_VARIABLE}",
            "the ledger keeps who did it, and this system does not know your name",
            got=str(error),
            hint=f"set {USER_VARIABLE}",
        ) from error


def _show(console: Console, done: str, change: Change, told: str) -> None:
    entry, before, after = change.entry, change.before, change.after
    moved = f"{_named(before)} -> {_named(after)}" if entry.kind in ("promotion", "rollback") else _named(after)
    _line(console, done, f"{entry.project}: {moved}", bold=True)
    _line(console, "entry", f"{entry.number} by {entry.origin.triggered_by}: {entry.reason}")
    if entry.kind == "rollback" and before is not None:
        back = f'./nightshift promote {_to_name(entry.project)} {before.version} --reason "..."'
        _line(console, "stays out", f"version {before.version}, until {back}")
    if entry.kind == "pin":
        _line(console, "until", f'./nightshift unpin {_to_name(entry.project)} --reason "..."')
    elif entry.standing.pin:
        _line(console, "pin", f"ledger entry {entry.standing.pin} pins the champion still")
    if told:
        _line(console, "airflow", told)
    for words in change.behind:
        _line(console, "behind", f"{words}; ./nightshift reconcile {_to_name(entry.project)}")


def _show_reconciled(console: Console, project: str, found: Reconciled, *, dry_run: bool) -> None:
    _line(console, "ledger", f"{project}: {found.entries} entries, champion {_named(found.champion)}")
    for run_id in found.closed:
        _line(console, "closed", f"MLflow run {run_id}: the process that trained it is gone")
    if found.deep is not None:
        counts = ", ".join(f"{count} {kind}" for kind, count in found.deep.checked.items())
        gone = f"; {found.deep.removed} releases are gone, as retention leaves it" if found.deep.removed else ""
        _line(console, "checked", f"by sha256: {counts}{gone}")
    if not found.wrong:
        _line(console, "all agree", "release, release pointer and MLflow's alias follow the ledger")
        return
    for words in found.wrong:
        _line(console, "wrong", words)
    if dry_run:
        _line(console, "dry run", f"nothing was repaired; ./nightshift reconcile {_to_name(project)}")
        return
    for words in found.left:
        _line(console, "left", words)
    if not found.left:
        _line(console, "repaired", "all agree by now: release, release pointer and MLflow's alias follow the ledger")


def _to_name(project: str) -> str:
    """Return what a command that is shown needs to mean this project, in the namespace of this command."""
    return f"{project}{option_of(Settings.from_environment().namespace)}"


def _line(console: Console, name: str, text: str, *, bold: bool = False) -> None:
    label = f"[bold]{name:<11}[/]" if bold else f"{name:<11}"
    console.print(f"{label} {escape(text)}", soft_wrap=True)


def _named(champion: LedgerEntry | None) -> str:
    if champion is None:
        return "none"
    return f"version {champion.version} of {champion.as_of} ({champion.candidate})"


Project = Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a sentence; the ledger keeps it.")]
S3 = Annotated[bool, typer.Option("--s3", help="Change the store that `run --s3` fills.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the commands to the door, under the heading `panel` of its help."""
    app.command(
        epilog=f'Example: {NAME} promote flight_delay 3 --reason "June was measured wrongly"', rich_help_panel=panel
    )(promote)
    app.command(
        epilog=f'Example: {NAME} rollback flight_delay --reason "late flights at JFK are missed"', rich_help_panel=panel
    )(rollback)
    app.command(epilog=f'Example: {NAME} pin flight_delay --reason "audit until Friday"', rich_help_panel=panel)(pin)
    app.command(epilog=f'Example: {NAME} unpin flight_delay --reason "the audit is over"', rich_help_panel=panel)(unpin)
    app.command(epilog=f"Example: {NAME} reconcile flight_delay --dry-run", rich_help_panel=panel)(reconcile)


def promote(
    project: Project,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version that was judged and not rejected.")],
    reason: Reason,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Put a version in force, whatever its age; the ledger keeps who did it and why.

    A version that a gate rejected is promoted by nobody, and nothing is while the champion is pinned. The exit status
    is 0 when the version is in force, 1 when its release does not load, 2 when what was asked is not possible.
    """
    pass

    raise typer.Exit(perform("promote", project, reason, version=version, as_json=as_json, s3=s3))


def rollback(
    project: Project,
    reason: Reason,
    to: Annotated[
        str, typer.Option("--to", metavar="VERSION", help="An earlier champion (default: the one before).")
    ] = "",
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Put an earlier champion back in force, at once; what is rolled back stays out until it is promoted by hand.

    The release is loaded before and after. A pin does not hold a rollback, and stays. The exit status is 0 when the
    version is in force, 1 when its release does not load, 2 when what was asked is not possible.
    """
    pass

    raise typer.Exit(perform("rollback", project, reason, version=to, as_json=as_json, s3=s3))


def pin(
    project: Project,
    reason: Reason,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Keep the champion in force whatever the nights prove, until `unpin`; decisions are still made, as HOLD."""
    pass

    raise typer.Exit(perform("pin", project, reason, as_json=as_json, s3=s3))


def unpin(
    project: Project,
    reason: Reason,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Take the pin off: the next night may promote again."""
    pass

    raise typer.Exit(perform("unpin", project, reason, as_json=as_json, s3=s3))


def reconcile(
    project: Project,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what differs; repair nothing.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Check the whole history by sha256, and repair nothing.")
    ] = False,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Compare release, release pointer, MLflow's versions and alias with the ledger, and repair what differs.

    The ledger wins; it is only checked itself. What MLflow lost is registered again. MLflow runs that a killed training
    left open are closed as failed. The exit status is 0 when all agree afterwards, and 1 when something does not.
    """
    pass

    raise typer.Exit(compare_with_ledger(project, dry_run=dry_run, deep=deep, as_json=as_json, s3=s3))


def answer_question(project_name: str, verb: Literal["approve", "reject"] | None, reason: str, run_id: str) -> int:
    """Show the open questions, or answer one, and return the exit status.

    Raises:
        SettingsError: Nothing runs, no such question waits, or a rejection has no reason.
    """

    from include.airflow_client.api import AirflowApi
    from include.airflow_client.runs import answer as answer_open
    from include.airflow_client.runs import chosen_approval, open_approvals
    from include.config.discovery import load_project
    from include.stack.state_directory import running_stack

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
    questions = open_approvals(api, dag_id)
    if verb is None:
        _show_question(console, project, questions)
        return 0
    question = chosen_approval(project, questions, run_id)
    recorded = answer_open(api, dag_id, question, verb, words)
    done = "approved" if verb == "approve" else "rejected"
    by = recorded["responded_by"]["name"]
    console.print(f"{done} by {by}: {question.run_id}", markup=False, soft_wrap=True)
    console.print(f"What came of it: ./nightshift ledger {project}", markup=False)
    return 0


def _show_question(console: Console, project: str, questions: list[OpenApproval]) -> None:
    if not questions:
        console.print(f"{project}: no question waits for an answer", markup=False)
    for question in questions:
        for line in (question.subject, question.body, f"run       {question.run_id}", f"answer    {question.url}", ""):
            console.print(line, markup=False, soft_wrap=True)


EXAMPLE = './nightshift answer flight_delay reject --reason "the holdout is a holiday week"'


class Verb(StrEnum):
    """Be what can be answered."""

    APPROVE = "approve"
    REJECT = "reject"


def answer(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")],
    verb: Annotated[Verb | None, typer.Argument(metavar="approve|reject", help="Leave out to read it.")] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; the ledger keeps it. Needed to reject.")
    ] = "",
    run_id: Annotated[str, typer.Option("--run", metavar="RUN_ID", help="Which, where several wait.")] = "",
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Show the questions of a project that wait for approval, or answer one; Airflow must be running.

    The exit status is 0 when the answer was taken, 2 when what was asked is not possible.
    """
    pass

    raise typer.Exit(answer_question(project, verb.value if verb else None, reason, run_id))
