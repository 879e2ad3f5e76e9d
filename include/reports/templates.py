"""Find the templates of the pages, and make what only people read so that whatever goes wrong with it ends no night."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from include.domain.errors import NightshiftError
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


Made = TypeVar("Made")
logger = logging.getLogger(__name__)


def drawn(what: str, make: Callable[[], Made], instead: Callable[[str], Made]) -> Made:
    """Return what `make` gives, or what `instead` makes of a note that says why it could not be drawn.

    Args:
        what: What is made, for the note and the log: "the curves".
        make: Makes it.
        instead: Takes the note: "the curves could not be drawn: ValueError: ...".

    Raises:
        NightshiftError: A store or MLflow does not answer: trying again helps, and loses nothing.
    """
    try:
        return make()
    except Exception as error:
        if isinstance(error, NightshiftError) and error.retryable:
            raise
        note = f"{what} could not be drawn: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        logger.warning("%s", note, exc_info=not isinstance(error, NightshiftError))
        return instead(note)


def note_page(title: str, said: str, note: str) -> str:
    """Return an HTML page that holds a note in place of what could not be drawn."""
    shown = "".join(f"<p>{html.escape(each)}</p>" for each in (said, note) if each)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
        f"<body><h1>{html.escape(title)}</h1>{shown}</body></html>\n"
    )
