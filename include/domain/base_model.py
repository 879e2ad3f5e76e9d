"""Be the base of everything that is declared, and carry out of it what its checks found, in our five parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """Be frozen and refuse unknown keys: a typing mistake must never be silently ignored."""

    # a bound of .nan would let everything pass
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
