"""Print every table in narrow terminals: no date, version, verdict or number is cut, whatever the width."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

import pytest
from rich.console import Console
from rich.text import Text

from include.cli import namespaces, night_view, reproduce, retention, stack, status, tools
from include.cli.console import Column, table
from include.cli.decision_view import gates_table
from include.cli.history import nights_columns
from include.domain.decision import RowName
from tests.cli.test_commands import a_decision
from tests.reports.evidence import gate

WIDTHS = (60, 80, 100, 200)
MOMENT = datetime(2026, 11, 20, 9, 0, 12)
SENTENCE = "better than champion 12: roc_auc 0.637416 against 0.612345, proved on 12895 rows of 14 days"
# typical long cells of each command's columns
TABLES: dict[str, tuple[Sequence[Column], list[str]]] = {
    "status": (
        status.COLUMNS,
        [
            "flight_delay",
            "version 112 (logistic_regression)",
            "2026-11-20",
            "average_precision 0.6374",
            "1112: [green]PROMOTE[/] as of 2026-11-20",
            "30 2 * * *",
        ],
    ),
    "ledger": (
        status.LEDGER_COLUMNS,
        [
            "1112",
            "promotion",
            "[green]PROMOTE[/]",
            "2026-11-20",
            "logistic_regression",
            "112",
            f"{MOMENT}",
            "somebody.else",
            SENTENCE,
        ],
    ),
    "namespaces": (
        namespaces.COLUMNS,
        [
            "pull-request-123",
            "flight_delay 12, telco_churn 7",
            "123456",
            "1234.5 MB",
            "12 experiments, 12 models",
            "half removed: rm it again",
        ],
    ),
    "retention": (
        retention.TOTALS,
        [
            "superseded",
            "12345",
            "123456",
            "12,345,678,901",
            "12.3 GB",
            "2026-01-01 10:00",
            "2026-11-20 10:00",
            retention.RULES["features"],
        ],
    ),
    "retention, what stays": (
        retention.KEPT,
        ["features of 2026-11-20", "123456", "12,345,678,901", "the champion was trained on it"],
    ),
    "backfill": (night_view.COLUMNS, ["2026-11-20", "[green]PROMOTE[/]", SENTENCE, "1234 s"]),
    "reproduce": (
        reproduce.COLUMNS,
        ["holdout roc_auc", "0.6374160123", "0.6374160987", "12 of 12895", "1.23e-07"],
    ),
    "history": (
        nights_columns("average_precision"),
        [
            "2026-11-20",
            "[green]PROMOTE[/]",
            "0.6374 (0.6212 to 0.6534)",
            "0.6212 (version 112)",
            "+0.0162",
            "version 113 (2026-11-20)",
            "[yellow]HOLD[/] (#1112) (rolled back)",
        ],
    ),
    "ps": (
        stack.CONTAINERS,
        ["nightshift-airflow-init-1", "running (healthy)", "312.4MiB / 2GiB", "127.0.0.1:8080"],
    ),
    "audit": (
        tools.COLUMNS,
        ["apache-airflow", "3.3.2", "GHSA-1234-5678-9abc", "3.3.3", "requirements-dev.lock, requirements-compose.lock"],
    ),
}


def printed(renderable: object, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(renderable)
    return file.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TABLES)
def test_no_value_is_cut(name: str, width: int) -> None:
    columns, cells = TABLES[name]
    assert len(columns) == len(cells)
    shown = printed(table(columns, [cells, ["-"] * len(cells)], width), width)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
    assert "…" not in shown
    words = shown.split()
    assert [word for cell in cells for word in Text.from_markup(cell).plain.split() if word not in words] == []


@pytest.mark.parametrize("name", TABLES)
def test_a_wide_terminal_has_every_column_in_the_row(name: str) -> None:
    columns, cells = TABLES[name]
    heading, _, row, *more = printed(table(columns, [cells], 300), 300).splitlines()
    assert heading.split() == " ".join(column.name for column in columns).split()
    assert row.split() == [word for cell in cells for word in Text.from_markup(cell).plain.split()]
    assert more == []


def test_where_nothing_fits_everything_is_still_there() -> None:
    columns = (Column("as of"), Column("version", leaves=1), Column("reason", sentences=True))
    shown = printed(table(columns, [["2026-11-20", "112", "held"]], 12), 12)
    letters = sorted(shown.translate({ord(sign): None for sign in " \n─"}))
    assert letters == sorted("asofreason2026-11-20heldversion112")


@pytest.mark.parametrize("width", WIDTHS)
def test_gates_are_whole(width: int) -> None:
    decision = a_decision()
    shown = printed(gates_table(decision, decision.gates, wide=width >= 100), width)
    assert "…" not in shown
    assert {"0.8457", "0.8111", "0.2000", "pass", "FAIL", "n/a", "off"} <= set(shown.split())


def test_at_80_columns_a_gate_s_note_is_not_broken_into_a_column_and_its_values_stand_below_each_other() -> None:
    note = "not judged: 0 of the 3 nights that are needed to know what is ordinary"
    long = "who has stayed two years longer is no likelier to leave"
    gates = (
        gate("leakage", "<= best before + 0.03", 0.8, metric="roc_auc", note=note, outcome="not_applicable"),
        gate("behaviour", ">= 0.9", 1.0, metric=long),
        gate("holdout", ">= 50", 1823.0, metric="holdout_rows"),
        gate("serves", ">= 1", 97.0, metric="answered", unit="rows"),
    )
    decision = a_decision().model_copy(update={"gates": gates, "row": RowName(one="customer", many="customers")})
    lines = [line.rstrip() for line in printed(gates_table(decision, gates, wide=False), 80).splitlines()]
    assert f"  {note}" in lines
    assert f"  {long}" in lines
    ends = {line.rindex(value) + len(value) for line in lines for value in ("0.8000", "1.0000", "1823", "97 customers")
            if value in line}  # fmt: skip
    assert len(ends) == 1
    assert max(map(len, lines)) <= 80
