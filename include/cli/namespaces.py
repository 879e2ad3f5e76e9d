"""List namespaces, and remove one: refuse or ask, then Airflow's part, MLflow's and the store's, in this order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from include.cli.console import Column, output, print_json, table
from include.cli.options import AsJson, Docker
from include.config.credentials import load_credentials
from include.config.settings import Settings, database_file
from include.domain.errors import SettingsError, did_you_mean
from include.domain.names import (
    begin_removal,
    being_removed,
    check_namespace,
    end_removal,
    named_in,
    registered,
    retrain_dag_id,
    store_prefix,
)

if TYPE_CHECKING:
    from include.airflow_client.namespace_dags import InAirflow
    from include.cli.night_view import NightView
    from include.operations.namespace_data import NamespaceContents


COLUMNS = (
    Column("namespace"),
    Column("champions", leaves=2),
    Column("objects", right=True, leaves=4),
    Column("size", right=True, leaves=5),
    Column("MLflow", leaves=1),
    Column("state", leaves=3),
)


def show_namespaces(*, as_json: bool, s3: bool) -> int:
    """Print every namespace of this home, its store and its MLflow, as a table or as JSON; needs no running stack."""

    from include.cli.stack_in_use import opened_place
    from include.operations.namespace_data import known_namespaces, look

    settings = Settings.from_environment().in_namespace("")
    left = being_removed(settings.home)
    with opened_place(settings, s3=s3) as (store, tracking_url):
        names = {*registered(settings.home), *left, *known_namespaces(store, tracking_url)}
        found = {name: look(store, tracking_url, name) for name in sorted(names)}
    if as_json:
        print_json({"namespaces": [_plain(name, there, name in left) for name, there in found.items()]})
        return 0
    if not found:
        output().print("no namespace yet; ./nightshift run --namespace NAME makes one", markup=False)
        return 0
    rows = []
    for name, there in found.items():
        champions = ", ".join(f"{project} {version}" for project, version in there.champions.items()) or "none"
        tracked = f"{len(there.experiments)} experiments, {len(there.models)} models"
        state = "half removed: rm it again" if name in left else ""
        rows.append([name, escape(champions), str(there.objects), amount(there.size), tracked, state])
    console = output()
    console.print(table(COLUMNS, rows, console.width))
    return 0


def amount(size: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def _plain(name: str, there: NamespaceContents, half_removed: bool) -> dict[str, Any]:
    return {
        "namespace": name,
        "projects": list(there.projects),
        "champions": there.champions,
        "objects": there.objects,
        "bytes": there.size,
        "experiments": list(there.experiments),
        "models": list(there.models),
        "half_removed": half_removed,
    }


def remove_namespace(name: str, *, yes: bool, s3: bool) -> int:
    """Remove the namespace when it is there and nothing of it runs; ask before, and return the exit status.

    Raises:
        SettingsError: There is no such namespace, a run of it is not finished, or nobody can be asked.
        NightshiftError: Something could not be removed; the same command goes on from there.
    """

    from include.cli.night_view import NightView
    from include.cli.stack_in_use import opened_place
    from include.operations.namespace_data import known_namespaces, look

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

    from include.airflow_client.api import AirflowApi
    from include.airflow_client.namespace_dags import in_airflow, refuse_while_running
    from include.stack.state_directory import running_stack

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


def _lines(name: str, where: str, contents: NamespaceContents, there: InAirflow | None) -> list[str]:
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
    from include.airflow_client.namespace_dags import remove_from_airflow, remove_logs
    from include.cli.stack_in_use import airflow_in_use
    from include.config.discovery import discover
    from include.stack.environment import task_logs
    from include.stack.state_directory import running_stack

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
    from include.cli.stack_in_use import opened_place
    from include.operations.namespace_data import remove

    with opened_place(settings, s3=s3) as (store, tracking_url):
        remove(store, tracking_url, name, view.doing)
    end_removal(settings.home, name)


EXAMPLE = "./nightshift namespace rm pr-123"
namespace = typer.Typer(no_args_is_help=True, help="List and remove what runs made apart from production.")
S3 = Annotated[bool, typer.Option("--s3", help="Look in the store that `run --s3` fills.")]


@namespace.command("ls", epilog="Example: ./nightshift namespace ls --json")
def ls(as_json: AsJson = False, s3: S3 = False, docker: Docker = False) -> None:
    """List the namespaces: champions, objects, bytes, and what MLflow has of them."""
    pass

    raise typer.Exit(show_namespaces(as_json=as_json, s3=s3))


@namespace.command("rm", epilog=f"Example: {EXAMPLE} --yes")
def rm(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The namespace.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    s3: S3 = False,
    docker: Docker = False,
) -> None:
    """Remove all of a namespace, and only it: objects, MLflow's records, Dags with their runs, pool, task logs.

    Nothing is removed while a run of it is not finished. After a kill the same command goes on. The exit status is 0
    when nothing is left, 1 when something could not be removed, 2 when what was asked is not possible.
    """
    pass

    raise typer.Exit(remove_namespace(name, yes=yes, s3=s3))
