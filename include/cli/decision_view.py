"""Show one decision: the verdict, the gates that did not pass, and where to look; or every gate."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table

from include.cli.console import GAP
from include.cli.options import option_of
from include.config.settings import Settings
from include.domain.decision import Decision, GateResult, LedgerEntry, RowName
from include.reports.decision_state import counted, gate_order
from include.reports.decision_tables import COUNTED

WIDE_COLUMNS = 100
CANDIDATE, CHAMPION = "candidate", "champion"
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


def gates_table(decision: Decision, gates: Sequence[GateResult], *, wide: bool) -> RenderableType:
    """Return the table of gates: what was demanded, the candidate's value, the champion's and the baseline's.

    Args:
        decision: The decision.
        gates: Those of it that are shown.
        wide: Whether 100 columns are there; else each gate's metric stands below its kind and its note in a line of its
            own, and the baseline is left out.
    """
    return _wide_table(decision, gates) if wide else _narrow_table(decision, gates)


def _wide_table(decision: Decision, gates: Sequence[GateResult]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("gate", "metric", "demanded"):
        table.add_column(name, overflow="fold")
    for name in (CANDIDATE, CHAMPION, "baseline"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("note")
    for gate in gates:
        baseline = number(decision.baseline.get(gate.metric))
        table.add_row(
            gate.kind, gate.metric, *_told(decision, gate), baseline, RESULTS[_result(gate)], escape(_note(gate))
        )
    return table


def _narrow_table(decision: Decision, gates: Sequence[GateResult]) -> Group:
    """Return a line of cells for each gate, all of the same widths, and below it at full width what is longer."""
    told = [_told(decision, gate) for gate in gates]
    kinds = max(len("gate"), *(len(gate.kind) for gate in gates))
    values = max(len(CANDIDATE), *(len(cells[1]) for cells in told))
    champions = max(len(CHAMPION), *(len(cells[2]) for cells in told))

    def line(kind: str, *cells: str) -> Table:
        cut = Table.grid(padding=(0, GAP, 0, 0), expand=True)
        cut.add_column(width=kinds)
        cut.add_column(ratio=1, overflow="fold")
        cut.add_column(justify="right", width=values)
        cut.add_column(justify="right", width=champions)
        cut.add_column(width=len("result"))
        cut.add_row(kind, *cells)
        return cut

    shown: list[RenderableType] = [line("gate", "demanded", CANDIDATE, CHAMPION, "result"), Rule(style="")]
    for gate, cells in zip(gates, told, strict=True):
        metric = "" if gate.metric == gate.kind else gate.metric
        beside = bool(metric) and len(metric) + 2 <= kinds
        shown.append(line(f"{gate.kind}\n  {escape(metric)}" if beside else gate.kind, *cells, RESULTS[_result(gate)]))
        shown += [Padding(escape(below), (0, 0, 0, 2)) for below in ("" if beside else metric, _note(gate)) if below]
    return Group(*shown)


def _told(decision: Decision, gate: GateResult) -> tuple[str, str, str]:
    champion = decision.champion.holdout.get(gate.metric, gate.reference) if decision.champion else None
    return escape(gate.threshold), measured(gate, decision.row), number(champion)


def measured(gate: GateResult, row: RowName) -> str:
    """Return a gate's value with its unit, or a dash where it could not be measured; counts are whole numbers."""
    if gate.value is None:
        return "-"
    if gate.unit == "rows":
        return f"{gate.value:.0f} {escape(row.of(round(gate.value)))}"
    if gate.metric in COUNTED:
        return f"{gate.value:.0f}"
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
