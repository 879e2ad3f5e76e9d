"""Say of each candidate of the bench what has to come of it, in both projects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from include.domain.results import Verdict
from tests.support.bench import candidates, replaced
from tests.support.bench.house import House
from tests.support.bench.trial import Trial


@dataclass(frozen=True)
class Case:
    """Expect something of a candidate.

    Attributes:
        make: Makes it.
        verdict: What it gets.
        fails: The kinds of hard gates that fail.
        beside: Kinds of hard gates that may fail as well in a project; None is any.
        says: Parts of the reason; names in braces are those of the ground.
    """

    make: Callable[[House], Trial]
    verdict: Verdict
    fails: tuple[str, ...] = ()
    beside: tuple[str, ...] | None = ()
    says: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return what the candidate is called."""
        return self.make.__name__


CASES = (
    Case(candidates.clearly_better, "PROMOTE", says=("better than champion 1: roc_auc",)),
    Case(candidates.more_features, "PROMOTE", says=("better than champion 1: roc_auc",)),
    Case(candidates.fewer_features, "PROMOTE", says=("better than champion 1: roc_auc",)),
    Case(candidates.same_model, "HOLD", says=("a tie with champion 1",)),
    Case(candidates.the_champion_itself, "HOLD", says=("the challenger is champion 1 itself: a tie",)),
    Case(candidates.other_seed, "HOLD", says=("not better than champion 1 by more than",)),
    Case(candidates.slightly_better, "HOLD", says=("better than champion 1, but not proved",)),
    Case(candidates.champion_lacks_its_feature, "HOLD", says=("champion 1 could not be compared", "{feature}")),
    Case(candidates.staler, "HOLD", says=("not newer than the champion's data",)),
    Case(candidates.worse, "REJECT", ("not_worse_than_champion",), None, ("proved worse than champion 1",)),
    Case(candidates.overfitted, "REJECT", ("not_worse_than_champion", "maximum"), None, ("proved worse",)),
    Case(candidates.uncalibrated, "REJECT", ("calibration",), ("stability",), ("calibration: ece",)),
    Case(candidates.biased, "REJECT", ("fairness",), says=("equalized odds difference, {people}",)),
    Case(candidates.bad_on_a_slice, "REJECT", ("slice",), says=("proved worse in {slice}",)),
    Case(candidates.leaking, "REJECT", ("leak_alarm", "leakage"), None, ("tells too much by itself: told",)),
    Case(replaced.slow, "REJECT", ("latency",), says=("latency: p95",)),
    Case(replaced.oversized, "REJECT", ("size", "memory"), ("latency", "behaviour"), ("size: size",)),
    Case(replaced.constant, "REJECT", ("minimum", "beats_baseline"), None, ("roc_auc 0.5 is not",)),
    Case(replaced.answers_nan, "REJECT", ("serves",), says=("no probabilities", "NaN")),
    Case(candidates.lacks_its_feature, "REJECT", ("serves",), says=("columns that the model needs", "gone")),
    Case(replaced.contradicts_itself, "REJECT", ("serves",), says=("the model fails to answer",)),
    Case(replaced.tampered, "REJECT", ("serves",), says=("the bytes are not those the manifest names",)),
    Case(replaced.damaged, "REJECT", ("serves",), says=("not a model file of ours",)),
    Case(replaced.unloadable, "REJECT", ("serves",), says=("types outside the allow-list", "system")),
)
