"""Make pages of Great Expectations' Data Docs that need nothing else: no network, no script, readable from a file.

Great Expectations' pages fetch their style and scripts from six other servers: a machine without them, and a browser
that is told to run no script, show them bare. What they say is kept; how they look is our stylesheet, which needs no
script for what theirs did (failed only, show more).
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

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
