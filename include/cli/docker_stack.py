"""Start, show and stop the docker stack, and run commands of this door inside it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console

from include.cli.console import errors, output, print_json
from include.cli.keep_running import demo_jobs
from include.cli.night_view import NightView
from include.cli.options import DOCKER
from include.cli.tables import Column, table
from include.config.settings import Settings
from include.stack.compose import docker_stack
from include.stack.compose.engine import Compose
from include.stack.compose.env_file import FILE, ensure_env, rotate_env
from include.stack.restore_mark import refuse_half_restored
from include.stack.state import refuse_inside

# the door of the image, in the container that has every address
INSIDE = "/opt/nightshift/nightshift"
CONTAINERS = (Column("container"), Column("state", leaves=3), Column("memory", leaves=2), Column("published", leaves=1))
FOLLOWED_LINES = "100"
NOTHING = "the docker stack is not running: ./nightshift up --docker"
# the status of a program that was killed with its container
KILLED = 137


def up(workers: int | None, *, training_containers: bool | None) -> int:
    """Start the docker stack, wait until it is healthy and the demo's data is there, and print where it is.

    Raises:
        SettingsError: Docker or its compose plugin is missing or too old, or a restore was interrupted.
        StackError: A service does not start.
    """
    compose, console = _compose(), output()
    refuse_half_restored(Settings.from_environment().home, docker=True)
    with NightView(console, "starting the docker stack") as view:
        docker_stack.start(compose, workers, training_containers, view.doing)
        view.note(f"all healthy after {view.seconds:.0f} s")
        _deliver(compose, view)
        view.note(f"running after {view.seconds:.0f} s")
    _show(console, compose)
    return 0


def down(*, volumes: bool) -> int:
    """Stop the docker stack; with `volumes` everything it holds is removed.

    Raises:
        StackError: A container or volume is not let go; with what compose said.
    """
    compose, console = _compose(), output()
    options = ["--volumes"] if volumes else []
    if not volumes and not compose.services():
        console.print(NOTHING)
        return 0
    with console.status("stopping the docker stack", spinner="line"):
        # every profile's services, whatever .env says now
        compose.output("--profile", "*", "down", "--remove-orphans", *options)
    console.print("stopped; all it held is removed" if volumes else "stopped; the volumes are kept")
    return 0


def logs(services: Sequence[str], *, follow: bool) -> int:
    """Show the end of what the services have said; the exit status is 1 when there is no container of the stack."""
    options = ["--follow"] if follow else []
    compose = _compose()
    if not compose.services():
        errors().print(NOTHING)
        return 1
    return compose.run("--profile", "*", "logs", "--tail", FOLLOWED_LINES, *options, *services)


def show_services(*, as_json: bool) -> int:
    """Show every container with its state and the memory it uses; the exit status is 1 when one is not well."""
    compose = _compose()
    services, memory = compose.services(), docker_stack.memory(compose)
    rows = [
        {
            "service": one["Service"],
            "name": one["Name"],
            "state": one["State"],
            "health": one["Health"],
            "exit_code": one["ExitCode"],
            "memory": memory.get(one["Name"], ""),
            "ports": sorted(
                f"{port['URL']}:{port['PublishedPort']}" for port in one["Publishers"] or [] if port["PublishedPort"]
            ),
        }
        for one in sorted(services, key=lambda one: str(one["Name"]))
    ]
    well = all(row["health"] in ("healthy", "") and (row["state"] == "running" or not row["exit_code"]) for row in rows)
    if as_json:
        print_json(rows)
    else:
        _print_services(output(), rows)
    return 0 if rows and well else 1


def make_secrets(*, rotate: bool) -> int:
    """Write what `.env` lacks, or all of it anew, and say what to do next; no secret is shown."""
    refuse_inside()
    root, console = Compose().root, output()
    made = rotate_env(root) if rotate else ensure_env(root)
    console.print(f"{root / FILE}: {len(made)} secrets made, the others are kept", soft_wrap=True)
    if rotate:
        console.print("Take them over with ./nightshift up --docker, when no night runs: it restarts every service")
    return 0


def inside(arguments: Sequence[str]) -> int:
    """Run a command of this door in the docker stack, on this terminal, and return its exit status.

    Raises:
        SettingsError: The stack is not running.
    """
    compose = _compose()
    docker_stack.require_running(compose)
    terminal = [] if sys.stdin.isatty() and sys.stdout.isatty() else ["--no-TTY"]
    code = compose.run("exec", *terminal, docker_stack.DOOR, INSIDE, *arguments)
    if code == KILLED:
        errors().print(
            "The container in which the command ran has ended. A night goes on without it: ./nightshift ps",
            style="yellow",
        )
    return code


def _compose() -> Compose:
    refuse_inside()
    compose = Compose()
    compose.check()
    return compose


def _deliver(compose: Compose, view: NightView) -> None:
    """Deliver the newest days, for nights that are triggered in the UI; the commands deliver what they need."""
    for name, module, *arguments in demo_jobs(Settings.from_environment(), replayed=False):
        view.doing(f"delivering the days of {name}")
        compose.output("exec", "--no-TTY", docker_stack.DOOR, "python", "-m", module, *arguments)


def _show(console: Console, compose: Compose) -> None:
    found = docker_stack.addresses(compose)
    lines = [
        f"Airflow   {found.airflow}   user admin, password {found.airflow_password}",
        f"MLflow    {found.mlflow}   user nightshift, password {found.mlflow_password}",
        "Every Dag is paused: unpause one in the UI to have it run every night, or run a night now:",
        f"          ./nightshift run {DOCKER}",
        f"Any command works there with {DOCKER}: ./nightshift status {DOCKER}",
        f"Stop it all with ./nightshift down {DOCKER}",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _print_services(console: Console, rows: Sequence[dict[str, object]]) -> None:
    if not rows:
        console.print(NOTHING)
        return
    cells = []
    for row in rows:
        state = f"{row['state']} ({row['health']})" if row["health"] else str(row["state"])
        if row["state"] == "exited":
            state = "done" if not row["exit_code"] else f"failed ({row['exit_code']})"
        ports = row["ports"]
        assert isinstance(ports, list)
        cells.append([str(row["name"]), state, str(row["memory"]), ", ".join(ports)])
    console.print(table(CONTAINERS, cells, console.width))
