"""Show what a project's ledger holds."""

from __future__ import annotations

from rich.markup import escape

from include.cli import decision_view
from include.cli.console import output, print_json
from include.cli.stores import opened_store
from include.cli.tables import Column, table
from include.config.decision import LedgerEntry
from include.config.discovery import load_project
from include.config.errors import ObjectMissingError
from include.config.settings import Settings
from include.io.decisions import read_decision
from include.io.ledger import Ledger

COLUMNS = (
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
    console.print(table(COLUMNS, [_row(entry) for entry in entries], console.width))
    return 0


def _row(entry: LedgerEntry) -> list[str]:
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
