"""Judge the gates that look at groups of rows, at scores as probabilities, and at moved scores."""

from __future__ import annotations

from include.ml.gates.results import Judges

JUDGES: Judges = {}
