"""Define the commands that start, show and stop a stack; what each does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from include.cli.options import DOCKER, NAME, S3, AsJson
from include.config.errors import SettingsError


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
        from include.cli import docker_stack

        if training_containers and no_training_containers:
            raise SettingsError(
                "option --no-training-containers", "the other is given, too", hint="leave one of them out"
            )
        told = training_containers or no_training_containers
        raise typer.Exit(docker_stack.up(workers, training_containers=training_containers if told else None))
    from include.cli.keep_running import start_up

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
        from include.cli import docker_stack

        raise typer.Exit(docker_stack.down(volumes=volumes))
    from include.cli.keep_running import shut_down

    _refuse_without_docker("--volumes", volumes)
    raise typer.Exit(shut_down())


def ps(as_json: AsJson = False) -> None:
    """Show the containers of the docker stack: state, memory, published ports."""
    from include.cli import docker_stack

    raise typer.Exit(docker_stack.show_services(as_json=as_json))


def logs(
    services: Annotated[list[str] | None, typer.Argument(metavar="SERVICE", help="Only these.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
) -> None:
    """Show the end of what the services of the docker stack have said."""
    from include.cli import docker_stack

    raise typer.Exit(docker_stack.logs(services or [], follow=follow))


def secrets(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make all anew but the key of what Airflow has encrypted already.")
    ] = False,
) -> None:
    """Write the docker stack's secrets into .env: random, readable by you alone; those that are there stay."""
    from include.cli import docker_stack

    raise typer.Exit(docker_stack.make_secrets(rotate=rotate))


def _refuse_both(option: str, given: bool) -> None:
    if given:
        raise SettingsError(f"option {option}", "the docker stack has an S3 server already", hint=f"leave out {option}")


def _refuse_without_docker(option: str, given: bool) -> None:
    if given:
        raise SettingsError(f"option {option}", "only the docker stack knows it", hint=f"--docker {option} ...")
