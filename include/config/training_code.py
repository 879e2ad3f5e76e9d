"""Say what two machines must declare alike to train the same, beside the code that makes a model.

A container trains by the code and the project folder of its image; what it makes counts as the worker's own only when
both agree. Features are prepared by the worker, so a project's own Python is no part of it.
"""

from __future__ import annotations

from typing import Any

from include.config.project import Project

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


def trained_from(project: Project, candidate: str) -> dict[str, Any]:
    """Return what is declared of the making of a candidate, as plain JSON values; None for one that is not declared."""
    declared = next((each for each in project.candidates if each.name == candidate), None)
    return {
        **project.relevant(*TRAINED_FROM),
        "candidate": None if declared is None else declared.model_dump(mode="json"),
    }
