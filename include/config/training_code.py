"""Say what a training is made by, so that two places can tell whether they would train the same: code and declaration.

A container trains by the code and the project folder of its image; what it makes counts as the worker's own only when
both agree. Features are prepared by the worker, so a project's own Python is no part of it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from include.config.project import Project
from include.config.settings import ROOT

# the rooms that `train` imports from
TRAINING_ROOMS = ("config", "io", "ml", "stages")
# every declared part that can make a difference to a model, beside the candidate itself
TRAINED_FROM = (
    "cross_validation",
    "features",
    "keys",
    "metrics",
    "problem",
    "protected",
    "seed",
    "target",
    "threshold",
    "value",
)


@cache
def training_code(root: Path = ROOT) -> str:
    """Return the sha256 of all Python files that a training can run."""
    digest = hashlib.sha256()
    include = root / "include"
    for path in sorted(path for room in TRAINING_ROOMS for path in (include / room).rglob("*.py")):
        digest.update(path.relative_to(include).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def trained_from(project: Project, candidate: str) -> dict[str, Any]:
    """Return what is declared of the making of a candidate, as plain JSON values; None for one that is not declared."""
    declared = next((each for each in project.candidates if each.name == candidate), None)
    return {
        **project.relevant(*TRAINED_FROM),
        "candidate": None if declared is None else declared.model_dump(mode="json"),
    }
