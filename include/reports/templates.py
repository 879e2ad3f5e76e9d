"""Find the templates of the pages: all text is escaped, and a name that is not there is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from include.reports.wording import FILTERS


@cache
def template(name: str) -> Template:
    """Return a template, the same one each time: compiling it takes ten times as long as writing a page."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment
