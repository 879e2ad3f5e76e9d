"""Say what a day's artifacts are made from, as hashes: equal fingerprints mean equal artifacts.

Only what can change the result is in them. The gates, the candidates and the schedule are not: changing those never
prepares a day again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from include.config.identity import preparation_code
from include.config.project import Project
from include.config.project_code import code_fingerprint

DECLARED_PARTS = ("source", "keys", "target", "features", "unknown_at_prediction", "protected", "quality")


@dataclass(frozen=True)
class Recipe:
    """Hold what turns a raw snapshot into features: the same for all days of a run.

    Attributes:
        engine: The code of the stages that prepare a day: when it changes, every day is prepared again.
        code: A hash of the project's `features.py` and `expectations.py`, by their syntax.
        declaration: A hash of the declared parts that matter to the preparation.
    """

    engine: str
    code: str
    declaration: str

    def of_validation(self, snapshot: str) -> str:
        """Return the fingerprint of one snapshot's validation."""
        return digest({**vars(self), "snapshot": snapshot})

    def of_features(self, raw: Mapping[date, str]) -> str:
        """Return the fingerprint of one day's features.

        Args:
            raw: The snapshot of the day and of each day it looks back to.
        """
        return digest({**vars(self), "raw": {day.isoformat(): snapshot for day, snapshot in raw.items()}})


def recipe_of(project: Project) -> Recipe:
    """Return the recipe of a project as it is on disk now."""
    window = project.window
    declared = {**project.relevant(*DECLARED_PARTS), "lookback_days": window.lookback_days}
    if window.lookback_days:
        # the delay decides which labels `history` may show
        declared["label_delay_days"] = window.label_delay_days
    return Recipe(preparation_code(), code_fingerprint(project, "features", "expectations"), digest(declared))


def source_digest(project: Project) -> str:
    """Return a hash of the declared source: a snapshot read from another source is not used.

    Which column holds the date is checked after reading: declaring it reads no history again.
    """
    source = project.relevant("source")["source"]
    return digest({"source": {key: value for key, value in source.items() if key != "date_column"}})


def digest(value: Any) -> str:
    """Return the sha256 of plain JSON values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
