"""Carry what a check between keys found out of a pydantic validator, in our five parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class ValidationIssue:
    """Hold one finding about the value at `path`, counted from the model whose validator raises it.

    `got` is left empty when what the file holds at `path` says it already.
    """

    path: KeyPath
    what: str
    got: str = ""
    allowed: tuple[str, ...] = ()
    hint: str = ""


class ValidationIssuesError(ValueError):
    """Hand all findings of one validator to pydantic, which takes only a ValueError."""

    def __init__(self, findings: Sequence[ValidationIssue]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(finding.what for finding in self.findings))


def key_path(path: KeyPath) -> str:
    """Write a path the way people do: `candidates[0].params.C`."""
    written = ""
    for part in path:
        written += f"[{part}]" if isinstance(part, int) else f".{part}"
    return written.lstrip(".")
