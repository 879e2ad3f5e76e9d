"""Show one decision: the verdict, the gates that did not pass, and where to look; or every gate."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from include.cli.namespace_option import option_of
from include.config.decision import Decision, GateResult, LedgerEntry
from include.config.settings import Settings
from include.reports.gate_outcomes import counted, gate_order

WIDE_COLUMNS = 100
COLOURS = {"PROMOTE": "green", "HOLD": "yellow", "REJECT": "red"}
RESULTS = {
    "reject": "[bold red]FAIL[/]",
    "hold": "[bold yellow]HOLD[/]",
    "passed": "[green]pass[/]",
    "not_applicable": "[dim]n/a[/]",
    "off": "[dim]off[/]",
}
ACTS = {
    "promotion": "put in force by",
    "rollback": "rolled back to by",
    "pin": "pinned by",
    "unpin": "unpinned by",
}


def show(
    console: Console,
    decision: Decision,
    entry: LedgerEntry | None,
    champion: LedgerEntry | None,
    *,
    every_gate: bool = False,
) -> None:
    """Print a decision: in a table the gates that failed, had nothing to judge or are off, and in a line the others.

    Args:
        console: Where to.
        decision: The decision with its evidence.
        entry: The ledger's entry of it, which knows its number and its report.
        champion: The champion now.
        every_gate: Have those that passed in the table, too.
    """
    if entry is not None and entry.verdict is None:
        console.print(
            f"[bold]{entry.kind.upper()}[/]  entry {entry.number} of {escape(entry.project)}: version "
            f"{escape(entry.version)} was {ACTS[entry.kind]} {escape(who(entry))}: {escape(entry.reason)}\n"
            "the decision about that version:"
        )
        entry = None
    number = f"decision {entry.number} of " if entry else ""
    # the ledger knows more than the evidence: that it was overtaken, or what a person answered
    verdict, reason = (
        (entry.verdict or decision.verdict, entry.reason) if entry else (decision.verdict, decision.reason)
    )
    console.print(
        f"[bold {COLOURS[verdict]}]{verdict}[/]  {number}{escape(decision.project)} "
        f"as of {decision.as_of}: {escape(reason)}"
    )
    console.print(_evidence(decision))
    shown = [gate for gate in gate_order(decision.gates) if every_gate or gate.outcome != "passed"]
    if shown:
        console.print(gates_table(decision, shown, wide=console.width >= WIDE_COLUMNS))
    console.print(f"gates     {counted(decision.gates, ' gates')}", markup=False)
    if len(shown) < len(decision.gates):
        which = f"{decision.project}{f' {entry.number}' if entry else ''}"
        space = option_of(Settings.from_environment().namespace)
        console.print(f"          each in full: ./nightshift decision {which}{space} --all", markup=False)
    if champion is None:
        console.print("champion  none yet")
    else:
        console.print(
            f"champion  version {escape(champion.version)} of {champion.as_of} ({escape(champion.candidate)})"
        )


def gates_table(decision: Decision, gates: Sequence[GateResult], *, wide: bool) -> Table:
    """Return the table of gates: what was demanded, the candidate's value, the champion's and the baseline's.

    Args:
        decision: The decision.
        gates: Those of it that are shown.
        wide: Whether 100 columns are there; else each gate takes two lines, and the baseline is left out.
    """
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("gate", "metric", "demanded") if wide else ("gate", "demanded"):
        table.add_column(name, overflow="fold")
    for name in ("candidate", "champion", "baseline") if wide else ("candidate", "champion"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    if wide:
        table.add_column("note")
    for gate in gates:
        champion = decision.champion.holdout.get(gate.metric, gate.reference) if decision.champion else None
        told = (escape(gate.threshold), measured(gate), number(champion))
        if wide:
            baseline = number(decision.baseline.get(gate.metric))
            table.add_row(gate.kind, gate.metric, *told, baseline, RESULTS[_result(gate)], escape(_note(gate)))
        else:
            about = [Padding(escape(line), (0, 0, 0, 2)) for line in (gate.metric, _note(gate)) if line]
            table.add_row(Group(gate.kind, *about), *told, RESULTS[_result(gate)])
    return table


def measured(gate: GateResult) -> str:
    """Return a gate's value with its unit, or a dash where it could not be measured."""
    if gate.value is None:
        return "-"
    # as exactly as it takes to tell it from the bound: 0.04996 is not 0.05
    return f"{gate.value:.{gate.digits(4, round)}f} {escape(gate.unit)}".rstrip()


def who(entry: LedgerEntry) -> str:
    """Return who caused an entry: a person's name, or the kind of run that nobody asked for."""
    return entry.origin.triggered_by or entry.origin.run_type


def number(value: float | None) -> str:
    """Return a metric with four decimals, or a dash for none."""
    return "-" if value is None else f"{value:.4f}"


def _result(gate: GateResult) -> str:
    return gate.on_failure if gate.outcome == "failed" else gate.outcome


def _note(gate: GateResult) -> str:
    return gate.because if gate.outcome == "off" else gate.note


def _evidence(decision: Decision) -> str:
    primary, challenger = decision.primary_metric, decision.challenger
    parts = [f"{escape(challenger.candidate)} {primary} {number(challenger.holdout.get(primary))}"]
    if decision.champion:
        parts.append(f"champion {number(decision.champion.holdout.get(primary))}")
    held, trained, row = decision.holdout_rows, decision.train_rows, decision.row
    parts.append(
        f"on {held} held-out {escape(row.of(held))} of {decision.holdout.first} to {decision.holdout.last}; "
        f"trained on {trained} {escape(row.of(trained))} of {decision.train.first} to {decision.train.last}"
    )
    return ", ".join(parts)
