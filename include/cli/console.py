"""Write for people: colours and live tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rich.console import Console

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
