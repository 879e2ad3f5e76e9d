"""Declare the gates that look at the model itself and on what it is judged: how it serves, leans and behaves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from include.config.metric_gates import ReasonedGate, SwitchableGate


class LatencyGate(SwitchableGate):
    """Pass when the release answers one row fast enough, in a process of its own. In force by default.

    Attributes:
        kind: `latency`.
        max_p95_ms: 95 of 100 single rows must be answered within this, in milliseconds of processor time.
        max_times_champion: And within this many times the champion's, measured side by side; None does not compare.
    """

    kind: Literal["latency"]
    max_p95_ms: float = Field(default=250, gt=0)
    max_times_champion: float | None = Field(default=None, gt=1)


class MemoryGate(SwitchableGate):
    """Pass when loading the release and answering with it takes little enough memory. In force by default.

    Attributes:
        kind: `memory`.
        max_mb: What the process may grow by, in megabytes of 1,000,000 bytes.
    """

    kind: Literal["memory"]
    max_mb: float = Field(default=1000, gt=0)


class SizeGate(SwitchableGate):
    """Pass when the model's file is small enough. In force by default.

    Attributes:
        kind: `size`.
        max_mb: In megabytes.
    """

    kind: Literal["size"]
    max_mb: float = Field(default=100, gt=0)


class ServesGate(SwitchableGate):
    """Pass when the release loads in a clean process and answers there as it did here. In force by default.

    Attributes:
        kind: `serves`.
    """

    kind: Literal["serves"]


class HoldoutGate(ReasonedGate):
    """Pass when the holdout is large enough to prove anything; always in force.

    Attributes:
        kind: `holdout`.
        min_rows: The fewest labelled rows.
        min_positives: The fewest of them that are positive.
        min_negatives: And the fewest that are not.
    """

    kind: Literal["holdout"]
    min_rows: int = Field(default=50, ge=2)
    min_positives: int = Field(default=10, ge=1)
    min_negatives: int = Field(default=10, ge=1)


class LeakageGate(SwitchableGate):
    """Pass when neither a feature, nor rows that a model has learnt from, nor a sudden jump gives the answer away.

    A feature that is the target under another name never passes. In force by default.

    Attributes:
        kind: `leakage`.
        max_single_feature_auc: The best ROC AUC of one feature alone; left out, none is proved to be above 0.93.
        max_jump: By how much the primary metric may be better than the best of the 30 newest nights before.
        max_repeated_rows: The largest share of the holdout's rows that stand in the train part, too.
    """

    kind: Literal["leakage"]
    max_single_feature_auc: float | None = Field(default=None, gt=0.5, lt=1)
    max_jump: float = Field(default=0.1, gt=0, lt=1)
    max_repeated_rows: float = Field(default=0.05, ge=0, lt=1)


class LabelsGate(SwitchableGate):
    """Pass when few enough labels were missing when they were due: they may all be of one class. In force by default.

    Attributes:
        kind: `labels`.
        max_missing_fraction: The largest share of rows without a label, in the train part and in the holdout.
    """

    kind: Literal["labels"]
    max_missing_fraction: float = Field(default=0.15, ge=0, lt=1)


class StabilityGate(SwitchableGate):
    """Pass when the candidate's scores are spread over the holdout much as the champion's are. In force by default.

    Attributes:
        kind: `stability`.
        max_psi: The largest population stability index; left out, 5, or scores as calibrated as the champion's.
    """

    kind: Literal["stability"]
    max_psi: float | None = Field(default=None, gt=0)


class BehaviourGate(SwitchableGate):
    """Pass when the model behaves as `behaviour.py` says. In force wherever there is such a file.

    Attributes:
        kind: `behaviour`.
    """

    kind: Literal["behaviour"]
