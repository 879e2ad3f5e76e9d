"""Define the commands and their options; what each does is imported when it is called."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from include.cli import champion, delivery, stack
from include.cli.backfill import EXAMPLE as BACKFILL_EXAMPLE
from include.cli.backfill import backfill
from include.cli.backup import BACKUP_EXAMPLE, backup
from include.cli.champion import EXAMPLE as ANSWER_EXAMPLE
from include.cli.champion import answer
from include.cli.console import errors
from include.cli.history import EXAMPLE as HISTORY_EXAMPLE
from include.cli.history import history
from include.cli.namespaces import EXAMPLE as NAMESPACE_EXAMPLE
from include.cli.namespaces import namespace as namespace_commands
from include.cli.options import DOCKER, NAME, S3, AsJson, Docker, Namespace, with_readable_help
from include.cli.reproduce import EXAMPLE as REPRODUCE_EXAMPLE
from include.cli.reproduce import reproduce
from include.cli.restore import RESTORE_EXAMPLE, restore
from include.cli.retention import EXAMPLE as RETENTION_EXAMPLE
from include.cli.retention import retention
from include.domain.errors import (
    ActRefusedError,
    AsOfError,
    ConnectionMissingError,
    DeclarationError,
    NightshiftError,
    SettingsError,
    UnknownProjectError,
)

FLAGSHIP = "flight_delay"
USAGE_ERRORS = (
    SettingsError,
    DeclarationError,
    UnknownProjectError,
    AsOfError,
    ConnectionMissingError,
    ActRefusedError,
)
# the panels of --help, in the order in which they appear
NIGHTS, EVIDENCE, CHAMPION, UPKEEP = "Nights", "Decisions and evidence", "The champion", "The house"
# commands with a --docker of their own; any other that has the option runs inside the stack
ABOUT_DOCKER = ("up", "down", "test", "backup", "restore")
PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Retrain machine-learning models every night, and promote only with proof.",
    epilog=f"Example: {NAME} run. With {DOCKER}, commands about nights, decisions and champions mean the docker stack.",
)
demo = typer.Typer(no_args_is_help=True, help="Simulate the source systems of the demo projects.")
app.add_typer(
    demo,
    name="demo",
    rich_help_panel=UPKEEP,
    epilog=f"Example: {NAME} demo load telco_churn --from 2026-01-01 --to 2026-03-01",
)

app.add_typer(namespace_commands, name="namespace", rich_help_panel=UPKEEP, epilog=f"Example: {NAMESPACE_EXAMPLE}")

ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")]
S3Read = Annotated[bool, typer.Option("--s3", help="Read the store that `run --s3` fills.")]


@app.command(epilog=f"Example: {NAME} run flight_delay --as-of 2013-06-30", rich_help_panel=NIGHTS)
def run(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")] = FLAGSHIP,
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="The day the run is about (default: yesterday, UTC).")
    ] = "",
    s3: S3 = False,
    force: Annotated[bool, typer.Option("--force", help="Prepare and train again, though results are fresh.")] = False,
    refresh_raw: Annotated[
        bool, typer.Option("--refresh-raw", help="Read the source again; what it gave before is kept.")
    ] = False,
    window_days: Annotated[
        int | None, typer.Option("--window-days", metavar="N", help="Use N days instead of the declared window.")
    ] = None,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Run one night of a project on a real Airflow, and show the decision.

    Uses the stack of `up` when it runs; else starts one, and stops it afterwards. The exit status is 0 for PROMOTE and
    HOLD, 1 for REJECT or a failure, 2 when what was asked is not possible.
    """
    from include.cli.run import run_night

    code = run_night(project, as_of, s3=s3, force=force, refresh_raw=refresh_raw, window_days=window_days)
    raise typer.Exit(code)


@app.command(epilog=f"Example: {NAME} status --json", rich_help_panel=EVIDENCE)
def status(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Only this one.")] = "",
    as_json: AsJson = False,
    s3: S3Read = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Show each project's champion and last decision, and whether a stack runs."""
    from include.cli.status import show_status

    raise typer.Exit(show_status(project, as_json=as_json, s3=s3))


@app.command(epilog=f"Example: {NAME} decision flight_delay 3", rich_help_panel=EVIDENCE)
def decision(  # noqa: PLR0913, PLR0917 - each is an option of the command
    project: ProjectName,
    number: Annotated[int | None, typer.Argument(metavar="N", help="The ledger's entry (default: the last).")] = None,
    every_gate: Annotated[bool, typer.Option("--all", help="Show the gates that passed, too.")] = False,
    as_json: AsJson = False,
    s3: S3Read = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as a comment on a pull request, and nothing else.")
    ] = False,
    commit: Annotated[
        str, typer.Option("--commit", metavar="SHA", help="With --markdown: say so if another commit made it.")
    ] = "",
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Show a decision with its gates and evidence."""
    if markdown:
        from include.cli.delivery import show_comment

        raise typer.Exit(show_comment(project, number, commit=commit, s3=s3))
    from include.cli.status import show_decision

    raise typer.Exit(show_decision(project, number, every_gate=every_gate, as_json=as_json, s3=s3))


@app.command(epilog=f"Example: {NAME} ledger flight_delay --json", rich_help_panel=EVIDENCE)
def ledger(
    project: ProjectName,
    as_json: AsJson = False,
    s3: S3Read = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """List all decisions, promotions, rollbacks and pins of a project, in order."""
    from include.cli.status import show_ledger

    raise typer.Exit(show_ledger(project, as_json=as_json, s3=s3))


@app.command(epilog=f"Example: {NAME} check telco_churn", rich_help_panel=UPKEEP)
def check(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Only this one.")] = "", docker: Docker = False
) -> None:
    """List every error of every project's declaration at once."""
    from include.cli.check import show_problems

    raise typer.Exit(show_problems(project))


@app.command(
    context_settings={**PASS_THROUGH, "help_option_names": []},
    epilog=f"Example: {NAME} airflow dags list",
    rich_help_panel=UPKEEP,
)
def airflow(context: typer.Context, docker: Docker = False) -> None:
    """Run an `airflow` command on this checkout's Airflow; all arguments are Airflow's own."""
    from include.cli.tools import run_airflow

    raise typer.Exit(run_airflow(context.args))


@app.command(context_settings=PASS_THROUGH, epilog=f"Example: {NAME} test tests/config -x", rich_help_panel=UPKEEP)
def test(
    context: typer.Context,
    docker: Annotated[bool, typer.Option("--docker", help="Run those that need a Docker engine instead.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Kill, race and repeat as often as there is: every night, not every change.")
    ] = False,
    units: Annotated[
        bool, typer.Option("--units", help="Only those that need neither whole stages on real stores nor a scheduler.")
    ] = False,
) -> None:
    """Run the tests; all other arguments are pytest's, and paths are relative to the checkout."""
    from include.cli.tools import run_docker_tests, run_tests

    raise typer.Exit(run_docker_tests(context.args) if docker else run_tests(context.args, deep=deep, units=units))


@app.command(epilog=f"Example: {NAME} lint", rich_help_panel=UPKEEP)
def lint() -> None:
    """Check style, formatting, import rules and types, and what only runs elsewhere: workflows, image, shell."""
    from include.cli.tools import run_lint

    raise typer.Exit(run_lint())


@demo.command("load", epilog=f"Example: {NAME} demo load flight_delay --from 2013-01-01 --to 2013-06-30")
def demo_load(
    project: ProjectName,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")],
    s3: Annotated[bool, typer.Option("--s3", help="Deliver into the store that `run --s3` fills.")] = False,
    docker: Docker = False,
) -> None:
    """Deliver a demo source's days; days that are there already are left alone."""
    from include.cli.tools import load_demo

    raise typer.Exit(load_demo(project, first, last, s3=s3))


# imported commands come after those above in the help of their panel
app.command(epilog=f"Example: {BACKFILL_EXAMPLE}", rich_help_panel=NIGHTS)(backfill)
app.command(epilog=f"Example: {ANSWER_EXAMPLE}", rich_help_panel=NIGHTS)(answer)
app.command(epilog=f"Example: {HISTORY_EXAMPLE}", rich_help_panel=EVIDENCE)(history)
app.command(epilog=f"Example: {REPRODUCE_EXAMPLE}", rich_help_panel=EVIDENCE)(reproduce)
champion.register(app, CHAMPION)
delivery.register(app, UPKEEP)
stack.register(app, NIGHTS, UPKEEP)
app.command(epilog=f"Example: {RETENTION_EXAMPLE}", rich_help_panel=UPKEEP)(retention)
app.command(epilog=f"Example: {BACKUP_EXAMPLE}", rich_help_panel=UPKEEP)(backup)
app.command(epilog=f"Example: {RESTORE_EXAMPLE}", rich_help_panel=UPKEEP)(restore)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; a failure of ours is one message, never a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if _meant_for_docker(given):
            from include.cli import stack

            return stack.inside([word for word in given if word != DOCKER])
        with_readable_help(app)(args=arguments, prog_name=NAME)
    except NightshiftError as error:
        if os.environ.get("NIGHTSHIFT_DEBUG") == "1":
            raise
        errors().print(str(error), style="red", markup=False, soft_wrap=True)
        return 2 if isinstance(error, USAGE_ERRORS) else 1
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _meant_for_docker(arguments: list[str]) -> bool:
    """Tell whether a command is to be run by the same door inside the docker stack."""
    if DOCKER not in arguments or {"-h", "--help"} & set(arguments):
        return False
    words = [word for word in arguments if not word.startswith("-")]
    if not words or words[0] in ABOUT_DOCKER:
        return False
    command: Any = typer.main.get_command(app)
    while words and (under := getattr(command, "commands", None)) is not None:
        command = under.get(words.pop(0))
    return command is not None and any(DOCKER in option.opts for option in command.params)


def stop_in_order() -> None:
    """Turn the signals that end a command into an exception, so that whatever it started is stopped on the way out."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    # the shell's status for a signal
    sys.exit(128 + number)
