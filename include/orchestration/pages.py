"""Write the small pages that Nightshift adds to Airflow's UI: the projects, a project's decisions, a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from include.config.decision import LedgerEntry

STYLE = (
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:2rem;max-width:70rem}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.35rem .8rem;border-bottom:1px solid #8884;"
    "text-align:left;vertical-align:top}.PROMOTE{color:#12805c}.REJECT{color:#c8102e}.HOLD{color:#946200}"
    "td.verdict{font-weight:600}"
)


def projects_page(root: str, projects: Iterable[tuple[str, LedgerEntry | None, LedgerEntry | None]]) -> str:
    """Return the page of all projects.

    Args:
        root: Path of the pages, without a slash at its end.
        projects: Name, champion and newest decision of each.
    """
    rows = [
        [
            _link(f"{root}/project/{quote(name)}", name),
            f"version {escape(champion.version)}, as of {champion.as_of}" if champion else "none yet",
            *(_decision_cells(root, last) if last else ["", "no decision yet", "", ""]),
            _link(f"{root}/data-docs/{quote(name)}/index.html", "Data Docs"),
        ]
        for name, champion, last in projects
    ]
    heads = ["Project", "Champion", "Newest decision", "Verdict", "As of", "Why", "Data"]
    return _page("Projects", _table(heads, rows) if rows else "<p>No valid project is declared.</p>")


def decisions_page(root: str, project: str, entries: Sequence[LedgerEntry]) -> str:
    """Return the page of a project's decisions, newest first."""
    rows = [
        [
            *_decision_cells(root, entry),
            escape(entry.candidate),
            escape(entry.origin.run_type),
            f"{entry.made_at:%Y-%m-%d %H:%M} UTC",
        ]
        for entry in entries
    ]
    heads = ["Decision", "Verdict", "As of", "Why", "Candidate", "Run", "Made"]
    body = _table(heads, rows) if rows else "<p>No decision yet.</p>"
    docs = _link(f"{root}/data-docs/{quote(project)}/index.html", "Data Docs")
    return _page(f"Decisions of {project}", f"{body}<p>{docs} · {_link(f'{root}/', 'All projects')}</p>")


def message_page(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _page(title, f"<p>{escape(text)}</p>")


def _decision_cells(root: str, entry: LedgerEntry) -> list[str]:
    href = f"{root}/project/{quote(entry.project)}/decisions/{entry.number}"
    verdict = f'<span class="{entry.verdict}">{entry.verdict}</span>'
    return [_link(href, f"#{entry.number}"), verdict, str(entry.as_of), escape(entry.reason)]


def _link(href: str, text: str) -> str:
    return f'<a href="{escape(href)}">{escape(text)}</a>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
