"""Write for people: tables that fit any terminal, plain lines elsewhere; dates and verdicts are never cut."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 160


def output() -> Console:
    """Return the console of stdout; not on a terminal its lines are wide, plain and never wrapped to 80."""
    return _console(stderr=False)


def errors() -> Console:
    """Return the console of stderr."""
    return _console(stderr=True)


def print_json(value: Any) -> None:
    """Print `value` as JSON, and nothing else, on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else WIDE
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


# between two columns: a space on either side of where a line would be
GAP = 3
# sentences are read at this width; in a column that is narrower words stand under each other
SENTENCE_COLUMNS = 24
NOTHING = ("", "-", "–")
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Column:
    """Describe one column.

    Attributes:
        name: Its heading.
        right: Whether its cells end at the right, as numbers do.
        sentences: Whether its cells may be wrapped between words; one column at most.
        leaves: Where the table is too wide, columns leave the row in this order, 1 first; 0 stays.
    """

    name: str
    right: bool = False
    sentences: bool = False
    leaves: int = 0


def table(columns: Sequence[Column], rows: Rows, width: int) -> Table:
    """Return the table as it fits.

    Args:
        columns: From left to right.
        rows: A cell of rich's markup for each column; a cell may have several lines.
        width: Of the console, in characters.
    """
    left = 0
    while not (fits := _needed(columns, rows, left) <= width) and left < max(column.leaves for column in columns):
        left += 1
    stay = [at for at, column in enumerate(columns) if not 0 < column.leaves <= left]
    gone = [at for at in range(len(columns)) if at not in stay]
    sentences = next((stay.index(at) for at in stay if columns[at].sentences), len(stay))
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for at in stay:
        column = columns[at]
        whole = fits and not column.sentences
        shown.add_column(column.name, justify="right" if column.right else "left", no_wrap=whole, overflow="fold")
    if gone and sentences == len(stay):
        shown.add_column("", overflow="fold")
    for row in rows:
        cells = [row[at] for at in stay]
        if gone:
            more = [f"{columns[at].name} {row[at]}" for at in gone if row[at] not in NOTHING]
            cells[sentences:] = [
                "\n".join(filter(None, [*cells[sentences : sentences + 1], *more])),
                *cells[sentences + 1 :],
            ]
        shown.add_row(*cells)
    return shown


def _needed(columns: Sequence[Column], rows: Rows, left: int) -> int:
    """Return the width at which nothing is cut, and sentences can be read, when so many columns have left."""
    whole, more, longest, sentences = [], 0, 0, False
    for at, column in enumerate(columns):
        widest = max([len(column.name), *(_width(row[at]) for row in rows)])
        if 0 < column.leaves <= left:
            more = max(more, len(column.name) + 1 + widest)
            longest = max([longest, *(_width(row[at].replace(" ", "\n")) for row in rows)])
        elif column.sentences:
            sentences, more = True, max(more, widest)
        else:
            whole.append(widest)
    if left or sentences:
        whole.append(max(min(more, SENTENCE_COLUMNS), longest))
    return sum(whole) + GAP * (len(whole) - 1)


def _width(cell: str) -> int:
    return max((line.cell_len for line in Text.from_markup(cell).split()), default=0)
