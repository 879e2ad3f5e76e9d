"""Publish Great Expectations' Data Docs to the store: its own page for each checked day, and one index of the newest.

The pages are rendered by Great Expectations (5 ms a day once its templates are compiled) under the paths its site
builder uses, so that their links lead home. The index is ours: Great Expectations' own would be rebuilt from all
results ever stored. It is one object of bounded size, changed by compare-and-set, so batches that end at the same
moment lose no line.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from datetime import date

from include.config.errors import ObjectMissingError, PreconditionFailedError, StoreError
from include.config.results import Receipt
from include.io import keys
from include.io.object_store import ObjectStore

MAX_DAYS = 400
MAX_TRIES = 20
_DATA = re.compile(r'<script type="application/json" id="days">(.*?)</script>', re.DOTALL)
_STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2rem;color:#222}table{border-collapse:collapse}"
    "td,th{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:left}.rejected{color:#b00020;font-weight:600}"
)


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


def publish_day(store: ObjectStore, project: str, day: date, snapshot: str, page: str) -> str:
    """Write a day's page and return its path below the index."""
    path = page_path(project, day, snapshot)
    store.put(keys.data_docs(project, path), page.encode())
    return path


def publish_index(store: ObjectStore, project: str, suite_page: str, lines: Sequence[IndexLine]) -> None:
    """Write the page of what is expected, and `lines` into the index."""
    store.put(keys.data_docs(project, suite_path(project)), suite_page.encode())
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
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Data Docs | {project}</title><style>{_STYLE}</style></head>
<body><h1>Data Docs | {project}</h1>
<p>The newest {MAX_DAYS} checked days at most. <a href="{suite_path(project)}">What is expected</a></p>
<table><tr><th>Day</th><th>Status</th><th>Rows</th><th>Set aside</th><th>Findings</th></tr>
{rows}
</table><script type="application/json" id="days">{data}</script></body></html>
"""


def _row(line: IndexLine) -> str:
    day = f'<a href="{html.escape(line.path)}">{line.day}</a>' if line.path else str(line.day)
    findings = "<br>".join(html.escape(finding) for finding in line.findings)
    return (
        f'<tr><td>{day}</td><td class="{line.status}">{line.status}</td><td>{line.rows}</td>'
        f"<td>{line.set_aside}</td><td>{findings}</td></tr>"
    )
