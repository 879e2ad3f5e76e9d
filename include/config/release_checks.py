"""Check the gates that look at the release against what the project's folder holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from include.config.findings import Finding
from include.config.model_gates import BehaviourGate


def behaviour_is_written_down(gates: tuple[object, ...], folder: Path) -> Iterator[Finding]:
    """Refuse a gate of behaviour in a project that does not say how its models must behave."""
    for index, gate in enumerate(gates):
        if isinstance(gate, BehaviourGate) and not (folder / "behaviour.py").is_file():
            what = "there is no behaviour.py, so this gate would let nothing pass"
            yield Finding(("gates", index, "kind"), what, hint="write one (docs/add-a-project.md), or remove the gate")
