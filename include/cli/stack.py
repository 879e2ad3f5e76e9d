"""Start, show and stop a stack: Airflow on this machine, or the containers of the docker stack."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from include.cli.console import Column, errors, output, print_json, table
from include.cli.options import DOCKER, NAME, S3, AsJson
from include.config.credentials import ADMIN, load_credentials
from include.config.settings import Settings
from include.domain.clock import newest_complete_day
from include.domain.errors import SettingsError

if TYPE_CHECKING:
    from include.cli.night_view import NightView
    from include.io.processes import Job
    from include.stack.compose.engine import Compose
    from include.stack.state_directory import StackState


# the flights are of 2013: backfills of that year, with the window before it, are what people try first
REPLAYED = (date(2012, 10, 1), date(2013, 12, 31))


def start_up(*, s3: bool) -> int:
    """Start the stack, wait until it is healthy and its demo data is there, and print where it is.

    Raises:
        SettingsError: A `run` is using the home, or a chosen port is in use.
        StackError: A component does not start; nothing is left running then.
    """

    from include.stack.state_directory import exclusive, refuse_inside, running_stack, stack_job

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
        _show_addresses(console, settings, state)
        return 0
    with exclusive(settings.home):
        state = _start(settings, console, s3=s3)
    _show_addresses(console, settings, state)
    return 0


def shut_down() -> int:
    """Stop the stack of `up`; when none runs, end what a killed command may have left.

    Raises:
        SettingsError: The running stack belongs to a `run`, which stops it by itself.
    """

    from include.stack.state_directory import exclusive, read_state, refuse_inside, stop_stack

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
    from include.cli.night_view import NightView
    from include.stack.stack import Stack

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

    from include.config.discovery import discover
    from include.demo_feed.feed import FEEDS, days_delivered

    jobs = []
    projects = discover(settings.projects_dir).projects
    for name in sorted(set(FEEDS) & set(projects)):
        recent = days_delivered(projects[name], newest_complete_day())
        spans = {"2013": REPLAYED, "recent": recent} if replayed else {"recent": recent}
        for label, (begin, end) in spans.items():
            jobs.append((f"demo-{name}-{label}", "include.demo_feed.feed", name, str(begin), str(end)))
    return jobs


def _show_data(jobs: list[Job], view: NightView) -> None:
    for job in jobs:
        if not job.finished() and job.last_line():
            view.doing(f"starting Airflow and MLflow; {job.name}: {job.last_line()} days", small=True)


def _show_addresses(console: Console, settings: Settings, state: StackState) -> None:
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


# the door of the image, in the container that has every address
INSIDE = "/opt/nightshift/nightshift"
CONTAINERS = (Column("container"), Column("state", leaves=3), Column("memory", leaves=2), Column("published", leaves=1))
FOLLOWED_LINES = "100"
NOTHING = "the docker stack is not running: ./nightshift up --docker"
# the status of a program that was killed with its container
KILLED = 137


def start_docker_stack(workers: int | None, *, training_containers: bool | None) -> int:
    """Start the docker stack, wait until it is healthy and the demo's data is there, and print where it is.

    Raises:
        SettingsError: Docker or its compose plugin is missing or too old, or a restore was interrupted.
        StackError: A service does not start.
    """

    from include.cli.night_view import NightView
    from include.stack.compose import docker_stack
    from include.stack.state_directory import refuse_half_restored

    compose, console = _compose(), output()
    refuse_half_restored(Settings.from_environment().home, docker=True)
    with NightView(console, "starting the docker stack") as view:
        docker_stack.start(compose, workers, training_containers, view.doing)
        view.note(f"all healthy after {view.seconds:.0f} s")
        _deliver(compose, view)
        view.note(f"running after {view.seconds:.0f} s")
    _show_docker_addresses(console, compose)
    return 0


def stop_docker_stack(*, volumes: bool) -> int:
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


def show_logs(services: Sequence[str], *, follow: bool) -> int:
    """Show the end of what the services have said; the exit status is 1 when there is no container of the stack."""
    options = ["--follow"] if follow else []
    compose = _compose()
    if not compose.services():
        errors().print(NOTHING)
        return 1
    return compose.run("--profile", "*", "logs", "--tail", FOLLOWED_LINES, *options, *services)


def show_services(*, as_json: bool) -> int:
    """Show every container with its state and the memory it uses; the exit status is 1 when one is not well."""

    from include.stack.compose import docker_stack

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

    from include.stack.compose.engine import Compose
    from include.stack.compose.env_file import FILE, ensure_env, rotate_env
    from include.stack.state_directory import refuse_inside

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

    from include.stack.compose import docker_stack

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
    from include.stack.compose.engine import Compose
    from include.stack.state_directory import refuse_inside

    refuse_inside()
    compose = Compose()
    compose.check()
    return compose


def _deliver(compose: Compose, view: NightView) -> None:
    """Deliver the newest days, for nights that are triggered in the UI; the commands deliver what they need."""

    from include.stack.compose import docker_stack

    for name, module, *arguments in demo_jobs(Settings.from_environment(), replayed=False):
        view.doing(f"delivering the days of {name}")
        compose.output("exec", "--no-TTY", docker_stack.DOOR, "python", "-m", module, *arguments)


def _show_docker_addresses(console: Console, compose: Compose) -> None:
    from include.stack.compose import docker_stack

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


def register(app: typer.Typer, nights: str, upkeep: str) -> None:
    """Add the commands to the door, under two headings of its help."""
    app.command(epilog=f"Example: {NAME} up", rich_help_panel=nights)(up)
    app.command(epilog=f"Example: {NAME} down", rich_help_panel=nights)(down)
    app.command(epilog=f"Example: {NAME} ps", rich_help_panel=upkeep)(ps)
    app.command(epilog=f"Example: {NAME} logs scheduler --follow", rich_help_panel=upkeep)(logs)
    app.command(epilog=f"Example: {NAME} secrets", rich_help_panel=upkeep)(secrets)


def up(
    s3: S3 = False,
    docker: Annotated[
        bool,
        typer.Option(DOCKER, help="In containers: PostgreSQL, an S3 server, MLflow and Airflow, each its own."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=0,
            help="With --docker: N Celery workers run the tasks; 0: the scheduler runs them (default: as last time).",
        ),
    ] = None,
    training_containers: Annotated[
        bool,
        typer.Option(
            "--training-containers",
            help="With --docker: tasks may start containers here, for projects with training.image.",
        ),
    ] = False,
    no_training_containers: Annotated[
        bool,
        typer.Option(
            "--no-training-containers", help="With --docker: they may not any more (default of both: as last time)."
        ),
    ] = False,
) -> None:
    """Start the stack and leave it running: Airflow and MLflow in the browser, nightly runs for unpaused Dags."""
    if docker:
        _refuse_both("--s3", s3)
        pass

        if training_containers and no_training_containers:
            raise SettingsError(
                "option --no-training-containers", "the other is given, too", hint="leave one of them out"
            )
        told = training_containers or no_training_containers
        raise typer.Exit(start_docker_stack(workers, training_containers=training_containers if told else None))
    pass

    _refuse_without_docker("--workers", workers is not None)
    _refuse_without_docker("--training-containers", training_containers)
    _refuse_without_docker("--no-training-containers", no_training_containers)
    raise typer.Exit(start_up(s3=s3))


def down(
    docker: Annotated[bool, typer.Option(DOCKER, help="The containers of `up --docker`.")] = False,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="With --docker: remove all they hold, too. There is no way back.")
    ] = False,
) -> None:
    """Stop the stack that `up` started."""
    if docker:
        pass

        raise typer.Exit(stop_docker_stack(volumes=volumes))
    pass

    _refuse_without_docker("--volumes", volumes)
    raise typer.Exit(shut_down())


def ps(as_json: AsJson = False) -> None:
    """Show the containers of the docker stack: state, memory, published ports."""
    pass

    raise typer.Exit(show_services(as_json=as_json))


def logs(
    services: Annotated[list[str] | None, typer.Argument(metavar="SERVICE", help="Only these.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
) -> None:
    """Show the end of what the services of the docker stack have said."""
    pass

    raise typer.Exit(show_logs(services or [], follow=follow))


def secrets(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make all anew but the key of what Airflow has encrypted already.")
    ] = False,
) -> None:
    """Write the docker stack's secrets into .env: random, readable by you alone; those that are there stay."""
    pass

    raise typer.Exit(make_secrets(rotate=rotate))


def _refuse_both(option: str, given: bool) -> None:
    if given:
        raise SettingsError(f"option {option}", "the docker stack has an S3 server already", hint=f"leave out {option}")


def _refuse_without_docker(option: str, given: bool) -> None:
    if given:
        raise SettingsError(f"option {option}", "only the docker stack knows it", hint=f"--docker {option} ...")
