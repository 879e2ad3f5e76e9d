"""Remove a namespace: look, refuse or ask, then Airflow's part, MLflow's and the store's, in this order."""

from __future__ import annotations

import sys

import typer

from include.cli.console import output
from include.cli.night_view import NightView
from include.cli.show_namespaces import amount
from include.cli.stack_in_use import airflow_in_use
from include.cli.stores import opened_place
from include.config.discovery import discover
from include.config.errors import SettingsError, did_you_mean
from include.config.namespaces import (
    begin_removal,
    being_removed,
    check_namespace,
    end_removal,
    named_in,
    registered,
    store_prefix,
)
from include.config.settings import Settings
from include.config.stages import retrain_dag_id
from include.operations.namespaces import Contents, known_namespaces, look, remove
from include.stack.airflow_api import AirflowApi
from include.stack.credentials import load_credentials
from include.stack.environment import database_file, task_logs
from include.stack.namespaces import InAirflow, in_airflow, refuse_while_running, remove_from_airflow, remove_logs
from include.stack.running import running_stack


def remove_namespace(name: str, *, yes: bool, s3: bool) -> int:
    """Remove the namespace when it is there and nothing of it runs; ask before, and return the exit status.

    Raises:
        SettingsError: There is no such namespace, a run of it is not finished, or nobody can be asked.
        NightshiftError: Something could not be removed; the same command goes on from there.
    """
    settings, console = Settings.from_environment().in_namespace(""), output()
    check_namespace(name, "argument NAME")
    with opened_place(settings, s3=s3) as (store, tracking_url):
        contents = look(store, tracking_url, name)
        known = {*registered(settings.home), *being_removed(settings.home), *known_namespaces(store, tracking_url)}
        where = store.uri(store_prefix(name))
    if not name or name not in known:
        raise SettingsError(
            "argument NAME",
            "there is no such namespace",
            got=repr(name),
            allowed=tuple(known) or ("none: there is no namespace",),
            hint=did_you_mean(name, known),
        )
    there = _in_running_airflow(settings, name)
    for line in _lines(name, where, contents, there):
        console.print(line, markup=False, soft_wrap=True)
    if not (yes or _agreed(name)):
        console.print("nothing was removed")
        return 0
    with NightView(console, f"removing namespace {name}") as view:
        _remove(settings, name, view, s3=s3)
    console.print(f"namespace {name} is gone", markup=False)
    return 0


def _in_running_airflow(settings: Settings, name: str) -> InAirflow | None:
    """Return what the running Airflow has of the namespace, or None when none runs.

    Raises:
        SettingsError: Something of it is not finished, or the Airflow belongs to a night that is being run.
    """
    state = running_stack(settings.home)
    if state is None:
        return None
    if state.mode == "run":
        raise SettingsError(
            str(settings.home), "another ./nightshift command is using the stack of this home", hint="wait for it"
        )
    found = in_airflow(AirflowApi(state.airflow_url, load_credentials(settings.home).admin_password), name)
    refuse_while_running(found, name)
    return found


def _lines(name: str, where: str, contents: Contents, there: InAirflow | None) -> list[str]:
    champions = ", ".join(f"{project} {version}" for project, version in contents.champions.items())
    experiments, models = (", ".join(names) or "none" for names in (contents.experiments, contents.models))
    dags = f"{len(there.dag_ids)} Dags with {there.runs} runs" if there else f"the Dags {named_in(name, '*')}"
    return [
        f"namespace {name}: champions {champions or 'none'}",
        f"store     {contents.objects} objects, {amount(contents.size)} below {where}",
        f"MLflow    experiments {experiments}; models {models}",
        f"Airflow   {dags}, their logs, and the pool {named_in(name, 'training')}",
    ]


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("option --yes", "nobody can be asked here", hint=f"./nightshift namespace rm {name} --yes")
    return typer.confirm("Remove all of it, for good?")


def _remove(settings: Settings, name: str, view: NightView, *, s3: bool) -> None:
    logs = task_logs(settings.home)
    stack = running_stack(settings.home)
    # an Airflow on servers has its database elsewhere
    if stack is None and not database_file(settings.home).is_file():
        # no Airflow was ever started here
        begin_removal(settings.home, name)
        remove_logs(logs, name)
        _remove_stored(settings, name, view, s3=s3)
        return
    if stack is None:
        # an own Airflow must not read the Dags that go, and what it finds unfinished was left by a killed command
        begin_removal(settings.home, name)
    projects = sorted(discover(settings.projects_dir).projects)
    with airflow_in_use(settings, retrain_dag_id(projects[0]) if projects else "", (), view, s3=s3) as used:
        view.doing("removing Airflow's Dags and runs")
        remove_from_airflow(used.api, settings.home, name, logs, own=used.own, while_waiting=used.check)
        _remove_stored(settings, name, view, s3=s3)


def _remove_stored(settings: Settings, name: str, view: NightView, *, s3: bool) -> None:
    with opened_place(settings, s3=s3) as (store, tracking_url):
        remove(store, tracking_url, name, view.doing)
    end_removal(settings.home, name)
