"""Declare the gates that look at the model itself and on what it is judged: how it serves, leans and behaves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from include.config.closed import Closed


class LatencyGate(Closed):
    """Pass when the release answers one row fast enough, in a process of its own.

    Attributes:
        kind: `latency`.
        max_p95_ms: 95 of 100 single rows must be answered within this, in milliseconds of processor time.
        max_times_champion: And within this many times the champion's, measured side by side; None does not compare.
    """

    kind: Literal["latency"]
    max_p95_ms: float = Field(gt=0)
    max_times_champion: float | None = Field(default=None, gt=1)


class MemoryGate(Closed):
    """Pass when loading the release and answering with it takes little enough memory.

    Attributes:
        kind: `memory`.
        max_mb: What the process may grow by, in megabytes of 1,000,000 bytes.
    """

    kind: Literal["memory"]
    max_mb: float = Field(gt=0)


class SizeGate(Closed):
    """Pass when the model's file is small enough.

    Attributes:
        kind: `size`.
        max_mb: In megabytes.
    """

    kind: Literal["size"]
    max_mb: float = Field(gt=0)


class ServesGate(Closed):
    """Pass when the release loads in a clean process and answers there as it did here.

    Attributes:
        kind: `serves`.
    """

    kind: Literal["serves"]


class HoldoutGate(Closed):
    """Pass when the holdout is large enough to prove anything; always in force.

    Attributes:
        kind: `holdout`.
        min_rows: The fewest labelled rows.
        min_positives: The fewest of them that are positive.
        min_negatives: And the fewest that are not.
        because: Why smaller bounds than the defaults are enough; needed with them.
    """

    kind: Literal["holdout"]
    min_rows: int = Field(default=50, ge=2)
    min_positives: int = Field(default=10, ge=1)
    min_negatives: int = Field(default=10, ge=1)
    because: str = ""


class LeakageGate(Closed):
    """Pass when no feature tells the answer by itself, and the score does not jump above what was seen before.

    A feature that is the target under another name never passes.

    Attributes:
        kind: `leakage`.
        max_single_feature_auc: The best ROC AUC that one feature alone may have on the holdout, in either direction.
        max_jump: By how much the primary metric may be better than the best of the 30 newest nights before.
    """

    kind: Literal["leakage"]
    max_single_feature_auc: float = Field(default=0.9, gt=0.5, lt=1)
    max_jump: float = Field(default=0.1, gt=0, lt=1)


class LabelsGate(Closed):
    """Pass when few enough labels were missing when they were due: they may all be of one class. In force by default.

    Attributes:
        kind: `labels`.
        max_missing_fraction: The largest share of rows without a label, in the train part and in the holdout.
    """

    kind: Literal["labels"]
    max_missing_fraction: float = Field(default=0.15, ge=0, lt=1)


class StabilityGate(Closed):
    """Pass when the candidate's scores are spread over the holdout much as the champion's are.

    Attributes:
        kind: `stability`.
        max_psi: The largest population stability index; 0.1 is a small change, 0.25 a large one.
    """

    kind: Literal["stability"]
    max_psi: float = Field(default=0.25, gt=0)


class BehaviourGate(Closed):
    """Pass when the model behaves as `behaviour.py` says: what may not matter does not, what must matter does.

    Attributes:
        kind: `behaviour`.
    """

    kind: Literal["behaviour"]
