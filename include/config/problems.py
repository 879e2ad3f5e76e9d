"""Turn pydantic's findings into our five-part messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from include.config.errors import Problem


def problems_of(error: ValidationError, where: str, declared: Mapping[str, Any]) -> list[Problem]:
    """Return one problem for each finding of `error`; `where` is the file."""
    return [
        Problem(f"{where}: {'.'.join(str(part) for part in finding['loc'])}", finding["msg"], repr(finding["input"]))
        for finding in error.errors()
    ]
