"""Publish Great Expectations' Data Docs to the store: a page for each day that needs no network, and an index."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from html import escape
from pathlib import Path

from include.domain.errors import ObjectMissingError, PreconditionFailedError, StoreError
from include.domain.results import Receipt
from include.io import keys
from include.io.object_store import ObjectStore

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_BODY = re.compile(r"<body\b[^>]*>(.*)</body>", re.DOTALL | re.IGNORECASE)
_FOREIGN = re.compile(
    r"<(script|style|footer|iframe|object)\b.*?</\1\s*>|<(?:script|link|img|meta|base|embed)\b[^>]*>",
    re.DOTALL | re.IGNORECASE,
)
_HANDLER = re.compile(r"""(<[^<>]*?)\son[a-z]+\s*=\s*(?:"[^"]*"|'[^']*')""", re.IGNORECASE)
_SECTION = re.compile(r'<div id="(section-\d+)" class="ge-section')
_RANDOM_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=[\s\">])")


@cache
def _style() -> str:
    return Path(__file__).with_name("data_docs.css").read_text()


def whole_page(title: str, body: str) -> str:
    """Return an HTML page with our style; `body` is HTML, `title` is text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>{_style()}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def adopt(rendered: str, title: str, header: str) -> str:
    """Return a page that Great Expectations rendered, self-contained and with a header of ours.

    Args:
        rendered: The page as it was rendered.
        title: Text of the title.
        header: HTML shown above it.
    """
    found = _BODY.search(rendered)
    body = _FOREIGN.sub("", found.group(1) if found else rendered)
    while (changed := _HANDLER.sub(r"\1", body)) != body:
        body = changed
    body = _numbered(body)
    for section in _failed_sections(body):
        body = re.sub(rf'(<a class="nav-link[^"]*)(" href="#{section}")', r"\1 failed\2", body, count=1)
    return whole_page(title, f"{header}\n{body}")


def _numbered(body: str) -> str:
    """Return the page with the random names of its elements counted instead: the same results give the same bytes."""
    numbers: dict[str, int] = {}
    for name in re.findall(rf'href="#[^"]*?({_RANDOM_NAME.pattern})', body):
        numbers.setdefault(name, len(numbers) + 1)
    return _RANDOM_NAME.sub(lambda found: str(numbers.get(found[0], found[0])), body)


def _failed_sections(body: str) -> list[str]:
    """Return the names of the sections in which an expectation failed or could not be evaluated."""
    parts = _SECTION.split(body)
    named = zip(parts[1::2], parts[2::2], strict=True)
    return [name for name, content in named if "text-danger" in content or "text-warning" in content]


MAX_DAYS = 400
MAX_TRIES = 20
_DATA = re.compile(r'<script type="application/json" id="days">(.*?)</script>', re.DOTALL)


class IndexLine(Receipt):
    """Be one day in the index.

    Attributes:
        day: The partition.
        status: `passed` or `rejected`.
        rows: Rows of the day.
        set_aside: How many of them are in quarantine.
        findings: What was found, as text.
        path: The day's page, relative to the index; empty when the day could not even be assembled.
    """

    day: date
    status: str
    rows: int
    set_aside: int
    findings: tuple[str, ...] = ()
    path: str = ""


def page_path(project: str, day: date, snapshot: str) -> str:
    """Return the path of a day's page below the index: four folders deep, as the page's own links expect."""
    return f"validations/{project}/date={day.isoformat()}/{snapshot}/results.html"


def suite_path(project: str) -> str:
    """Return the path of the page of what is expected: the suite's name is the project's."""
    return f"expectations/{project}.html"


def publish_day(store: ObjectStore, project: str, line: IndexLine, page: str) -> None:
    """Write a day's page to the path of its line.

    Args:
        store: Where to.
        project: The project's name.
        line: What was decided about the day; shown on top, for a failed expectation need not reject a day.
        page: What Great Expectations rendered.
    """
    up = "../" * line.path.count("/")
    header = (
        f'<header><p class="soft"><a href="{up}index.html">All days of {html.escape(project)}</a> · '
        f'<a href="{up}{suite_path(project)}">What is expected</a></p>'
        f"<h1>{html.escape(project)}, {line.day} {_status(line)}</h1>"
        f"<p>{line.rows} rows, {line.set_aside} of them set aside.</p>{_findings(line)}</header>"
    )
    content = adopt(page, f"{project} {line.day}: {line.status} | Data Docs", header)
    store.put(keys.data_docs(project, line.path), content.encode())


def publish_index(store: ObjectStore, project: str, suite_page: str, lines: Sequence[IndexLine]) -> None:
    """Write the page of what is expected, and `lines` into the index."""
    header = (
        f'<header><p class="soft"><a href="../index.html">All days of {html.escape(project)}</a></p>'
        f"<h1>What is expected of {html.escape(project)}</h1></header>"
    )
    content = adopt(suite_page, f"What is expected of {project} | Data Docs", header)
    store.put(keys.data_docs(project, suite_path(project)), content.encode())
    merge_index(store, project, lines)


def merge_index(store: ObjectStore, project: str, lines: Sequence[IndexLine]) -> None:
    """Replace the lines of their days in the index, and keep the newest `MAX_DAYS`.

    Raises:
        StoreError: Other writers won `MAX_TRIES` times in a row.
    """
    key = keys.data_docs(project)
    for _ in range(MAX_TRIES):
        try:
            found = store.read(key)
        except ObjectMissingError:
            found = None
        known = {line.day: line for line in (read_index(found.data) if found else ())}
        known.update({line.day: line for line in lines})
        newest = sorted(known.values(), key=lambda line: line.day, reverse=True)[:MAX_DAYS]
        page = _index_page(project, newest).encode()
        try:
            if found is None:
                store.put(key, page, if_absent=True)
            else:
                store.put(key, page, if_match=found.etag)
        except PreconditionFailedError:
            continue
        return
    raise StoreError(store.uri(key), "other runs kept changing the index", got=f"{MAX_TRIES} lost writes")


def read_index(page: bytes) -> tuple[IndexLine, ...]:
    """Return the lines of an index page, newest first; none when it is not ours."""
    found = _DATA.search(page.decode("utf-8", "replace"))
    return tuple(IndexLine.model_validate(line) for line in json.loads(found.group(1))) if found else ()


def _index_page(project: str, lines: Sequence[IndexLine]) -> str:
    rows = "\n".join(_row(line) for line in lines)
    # "<" could end the script element early
    data = json.dumps([line.model_dump(mode="json") for line in lines]).replace("<", "\\u003c")
    body = f"""<header><h1>Data Docs of {html.escape(project)}</h1>
<p>The newest {MAX_DAYS} checked days at most. <a href="{suite_path(project)}">What is expected</a></p></header>
<div class="days"><table><thead><tr><th>Day</th><th>Status</th><th class="n">Rows</th><th class="n">Set aside</th>
<th>Findings</th></tr></thead><tbody>
{rows}
</tbody></table></div><script type="application/json" id="days">{data}</script>"""
    return whole_page(f"{project} | Data Docs", body)


def _row(line: IndexLine) -> str:
    day = f'<a href="{html.escape(line.path)}">{line.day}</a>' if line.path else str(line.day)
    return (
        f'<tr><td class="day">{day}</td><td>{_status(line)}</td><td class="n">{line.rows}</td>'
        f'<td class="n">{line.set_aside}</td><td>{_findings(line)}</td></tr>'
    )


def _status(line: IndexLine) -> str:
    return f'<span class="{html.escape(line.status)}">{html.escape(line.status)}</span>'


def _findings(line: IndexLine) -> str:
    return "<br>".join(html.escape(finding) for finding in line.findings)
