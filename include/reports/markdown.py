"""Write Markdown of GitHub's kind: what comes from data or declarations is shown as it is, never as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from include.reports.summary import escape

# also the two ends of an interval, a quantity with its unit, "less than 0.001"; not a date
_NUMBER = re.compile(r"(less than )?[+−]?\d[\d\s.]*($|[^\d\s.-])")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table; every cell is escaped, and columns after the first are aligned right where they hold numbers."""
    body = [[escape(cell) for cell in row] for row in rows]
    if not body:
        return []
    lines = "|".join(["---", *("---:" if _numeric(column) else "---" for column in list(zip(*body, strict=True))[1:])])
    return [_line(map(escape, heads)), f"|{lines}|", *map(_line, body), ""]


def bullets(facts: Iterable[tuple[str, str]]) -> list[str]:
    """Return a list of named facts; those without a text are left out."""
    lines = [f"- **{escape(name)}:** {escape(text)}" for name, text in facts if text]
    return [*lines, ""] if lines else []


def sentences(texts: Iterable[str]) -> list[str]:
    """Return a list of sentences."""
    lines = [f"- {escape(text)}" for text in texts if text]
    return [*lines, ""] if lines else []


def section(title: str, *parts: Sequence[str]) -> list[str]:
    """Return a heading with its parts; nothing when all of them are empty."""
    lines = [line for part in parts for line in part]
    return [f"## {escape(title)}", "", *lines] if any(lines) else []


def _numeric(column: Sequence[str]) -> bool:
    known = [cell for cell in column if cell not in ("–", "")]
    return bool(known) and all(_NUMBER.match(cell) for cell in known)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
