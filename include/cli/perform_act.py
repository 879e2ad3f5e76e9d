"""Do what a person asks for by a command, and say what was in force before and after."""

from __future__ import annotations

import getpass
import os
import uuid
from typing import Literal

from rich.console import Console
from rich.markup import escape

from include.cli.console import output, print_json
from include.cli.namespace_option import option_of
from include.cli.stores import opened_place
from include.config import clock
from include.config.decision import LedgerEntry
from include.config.discovery import load_project
from include.config.errors import NightshiftError, SettingsError
from include.config.namespaces import named_in
from include.config.results import Origin
from include.config.settings import Settings, git_commit, lock_hash
from include.config.stages import asset_uri
from include.operations.acts import Act, Change
from include.operations.pinning import pin, unpin
from include.operations.promotion import promote_version
from include.operations.reconcile import Reconciled, reconcile
from include.operations.rollback import roll_back
from include.stack.airflow_api import AirflowApi
from include.stack.credentials import load_credentials
from include.stack.running import running_stack

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
    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_place(settings, s3=s3) as (store, tracking_url):
        act = Act(store, tracking_url, name, reason, origin_of_person())
        if kind == "promote":
            change = promote_version(act, version)
        elif kind == "rollback":
            change = roll_back(act, version)
        else:
            change = pin(act) if kind == "pin" else unpin(act)
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
    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_place(settings, s3=s3) as (store, tracking_url):
        found = reconcile(store, tracking_url, name, origin_of_person(), dry_run=dry_run, deep=deep)
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
