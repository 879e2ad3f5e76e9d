"""Check gates against each other, against what their metrics can be, and against the columns of their groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from include.config.gates import (
    BeatsBaselineGate,
    BehaviourGate,
    FairnessGate,
    Gate,
    HoldoutGate,
    LeakAlarmGate,
    MaximumGate,
    MetricGate,
    MinimumGate,
    SliceGate,
)
from include.config.sections import Features, Metrics, Target
from include.domain.base_model import KeyPath, ValidationIssue
from include.domain.errors import did_you_mean
from include.domain.metrics import LOWER_IS_BETTER, TRIVIALLY_PERFECT

_NO_UPPER_END = frozenset({"log_loss"})


def gates_named_once(gates: tuple[Gate, ...]) -> Iterator[ValidationIssue]:
    """Refuse two gates of one kind on one metric: the stricter one would be the only one."""
    first: dict[tuple[object, ...], int] = {}
    for index, gate in enumerate(gates):
        metric = gate.metric if isinstance(gate, MetricGate) else ""
        earlier = first.setdefault((gate.kind, metric, getattr(gate, "by", ())), index)
        if earlier != index:
            same = gates[earlier] == gate
            another = "another gate of this kind looks at this metric" if metric else "another gate is of this kind"
            what = "the gate is declared twice" if same else another
            got = f"{gate.kind} of {metric}" if metric else gate.kind
            yield ValidationIssue(
                ("gates", index), what, got=got, hint=f"keep it or gates[{earlier}], the stricter one"
            )


def gates_fit_their_metrics(gates: tuple[Gate, ...]) -> Iterator[ValidationIssue]:
    """Refuse bounds that demand a bad model, and bounds outside what the metric can be."""
    for index, gate in enumerate(gates):
        if not isinstance(gate, MetricGate) or isinstance(gate, SliceGate):
            continue
        lower = gate.metric in LOWER_IS_BETTER
        if isinstance(gate, MinimumGate) and lower:
            what = f"a minimum of {gate.metric} demands a bad model: lower is better"
            yield ValidationIssue(("gates", index, "kind"), what, hint="did you mean 'maximum'?")
        if isinstance(gate, MaximumGate) and not lower:
            what = f"a maximum of {gate.metric} demands a bad model: higher is better"
            yield ValidationIssue(
                ("gates", index, "kind"), what, hint="to be warned of a score too good to be true: 'leak_alarm'"
            )
        key = "above" if isinstance(gate, LeakAlarmGate) else "value" if hasattr(gate, "value") else "margin"
        bound = gate.believed if isinstance(gate, LeakAlarmGate) else float(getattr(gate, key))
        high = float("inf") if gate.metric in _NO_UPPER_END else 1.0
        if not 0 <= bound <= high:
            ends = "at least 0" if gate.metric in _NO_UPPER_END else "between 0 and 1"
            hint = "write 60 % as 0.6" if bound > 1 else ""
            yield ValidationIssue(("gates", index, key), f"{gate.metric} is {ends}", hint=hint)


def gates_can_pass(gates: tuple[Gate, ...], metrics: Metrics) -> Iterator[ValidationIssue]:
    """Refuse a leak alarm that sounds for every model the other gates let through, declared or not."""
    alarms = {gate.metric: (index, gate) for index, gate in enumerate(gates) if isinstance(gate, LeakAlarmGate)}
    undeclared = LeakAlarmGate(kind="leak_alarm", metric=metrics.primary)
    for index, gate in enumerate(gates):
        if not isinstance(gate, MinimumGate | MaximumGate):
            continue
        lower = gate.metric in LOWER_IS_BETTER
        at, alarm = alarms.get(gate.metric, (None, undeclared if gate.metric == metrics.primary else None))
        if isinstance(gate, MinimumGate) is lower or alarm is None or alarm.off:
            continue
        if gate.value < alarm.believed if lower else gate.value > alarm.believed:
            side = "below" if lower else "above"
            if at is None:
                what = f"no model can pass: without a leak_alarm, {side} {alarm.believed:g} is a leak until explained"
                hint = f"declare the gate leak_alarm of {gate.metric}, or switch it off"
                yield ValidationIssue(("gates", index, "value"), what, hint=hint)
            else:
                what = f"no model can pass: gates[{index}] demands {alarm.metric} {gate.value:g}"
                yield ValidationIssue(("gates", at, "above"), what, hint=f"the alarm must be {side} that")


def trivial_answers_can_be_beaten(gates: tuple[Gate, ...], metrics: Metrics) -> Iterator[ValidationIssue]:
    """Refuse to prove a model better than the best trivial answer where that answer is perfect."""
    proved: list[tuple[KeyPath, str]] = [(("metrics", "primary"), metrics.primary)]
    for index, gate in enumerate(gates):
        if isinstance(gate, BeatsBaselineGate):
            proved.append((("gates", index, "metric"), gate.metric))
    for place, metric in proved:
        if metric in TRIVIALLY_PERFECT:
            what = f"the {metric} of yes to all is 1: no model can be proved better than that"
            hint = "report it beside another one, in metrics.also, and bound it by a gate of kind minimum"
            yield ValidationIssue(place, what, got=metric, hint=hint)


def switched_off_gates_are_in_force(gates: tuple[Gate, ...], metrics: Metrics) -> Iterator[ValidationIssue]:
    """Refuse to switch off the gate of a metric that no undeclared gate looks at: it would stay as it is."""
    for index, gate in enumerate(gates):
        if isinstance(gate, LeakAlarmGate | SliceGate) and gate.off and gate.metric != metrics.primary:
            what = "there is nothing to switch off: without a declaration this gate looks at the primary metric"
            hint = "name the primary metric, or remove the gate"
            yield ValidationIssue(
                ("gates", index, "metric"), what, got=gate.metric, allowed=(metrics.primary,), hint=hint
            )


def small_holdouts_say_why(gates: tuple[Gate, ...]) -> Iterator[ValidationIssue]:
    """Refuse bounds on the holdout below the defaults that give no reason: few rows hardly prove anything."""
    usual = HoldoutGate(kind="holdout")
    for index, gate in enumerate(gates):
        if not isinstance(gate, HoldoutGate) or gate.because.strip():
            continue
        for key in ("min_rows", "min_positives", "min_negatives"):
            if getattr(gate, key) < getattr(usual, key):
                yield ValidationIssue(
                    ("gates", index, key),
                    f"a bound below {getattr(usual, key)} needs a reason",
                    hint='add because: "..." to the gate; the report prints it',
                )


_GroupGate = SliceGate | FairnessGate


def slices_are_features(
    slices: tuple[str, ...], features: Features, protected: tuple[str, ...], keys: tuple[str, ...], pii: tuple[str, ...]
) -> Iterator[ValidationIssue]:
    """Refuse slices by columns that feature rows do not hold, and by protected ones, which are looked at anyway."""
    for index, name in enumerate(slices):
        if name in protected:
            yield ValidationIssue(
                ("slices", index), "the column is protected, and looked at anyway", hint="remove it here"
            )
        else:
            yield from _not_held(("slices", index), name, features.names, keys, pii)


def protected_tells_groups(
    protected: tuple[str, ...], keys: tuple[str, ...], target: Target
) -> Iterator[ValidationIssue]:
    """Refuse as protected what makes a group of each row, or of each answer."""
    for index, name in enumerate(protected):
        if name in keys:
            what = "a key may not be protected: each row would be a group"
            yield ValidationIssue(("protected", index), what, hint="name a column that many rows share")
        elif name in (target.name, target.column):
            what = "the target may not be protected: each group would hold one answer only"
            yield ValidationIssue(("protected", index), what, hint="name a column that is known beforehand")


def slice_gates_find_groups(
    gates: tuple[Gate, ...],
    features: Features,
    protected: tuple[str, ...],
    slices: tuple[str, ...],
    keys: tuple[str, ...],
    pii: tuple[str, ...],
) -> Iterator[ValidationIssue]:
    """Refuse a slice gate with nothing to look at, and one that looks at what feature rows do not hold."""
    held = (*features.names, *protected)
    for index, gate in enumerate(gates):
        if not isinstance(gate, SliceGate):
            continue
        if not gate.by and not protected and not slices:
            what = "there are no groups to look at: nothing is protected, and no slices are declared"
            yield ValidationIssue(("gates", index), what, got="slice", hint="name features in slices or in by")
        for number, name in enumerate(gate.by):
            yield from _not_held(("gates", index, "by", number), name, held, keys, pii)


def fairness_gates_find_groups(gates: tuple[Gate, ...], protected: tuple[str, ...]) -> Iterator[ValidationIssue]:
    """Refuse a fairness gate without protected columns, and one that looks at others."""
    for index, gate in enumerate(gates):
        if not isinstance(gate, FairnessGate):
            continue
        if not protected:
            what = "there are no groups of people to look at: nothing is protected"
            hint = "name the raw columns of such groups in protected"
            yield ValidationIssue(("gates", index), what, got="fairness", hint=hint)
            continue
        for number, name in enumerate(gate.by):
            if name not in protected:
                hint = did_you_mean(name, protected) or "name it in protected, too"
                what = "the column is not protected"
                yield ValidationIssue(("gates", index, "by", number), what, got=name, allowed=protected, hint=hint)


def group_gates_share_no_column(gates: tuple[Gate, ...]) -> Iterator[ValidationIssue]:
    """Refuse a column that two gates look at in the same way, or that one gate names twice."""
    found = [(index, gate) for index, gate in enumerate(gates) if isinstance(gate, _GroupGate)]
    for index, gate in found:
        alike = [(other, rival) for other, rival in found if other != index and _alike(gate, rival)]
        named = [other for other, rival in alike if rival.by]
        if not gate.by and named:
            what = f"a gate without by looks at all groups, and gates[{named[0]}] at some of them"
            yield ValidationIssue(("gates", index), what, got=gate.kind, hint="name the columns of each in by")
        for number, name in enumerate(gate.by):
            path: KeyPath = ("gates", index, "by", number)
            earlier = [other for other, rival in alike if other < index and name in rival.by and rival.by != gate.by]
            if name in gate.by[:number]:
                yield ValidationIssue(path, "the column is named twice", hint="keep one")
            elif earlier:
                what = f"gates[{earlier[0]}] looks at this column in the same way"
                yield ValidationIssue(path, what, hint="keep it in one of the two")


def _alike(gate: _GroupGate, other: _GroupGate) -> bool:
    return gate.kind == other.kind and getattr(gate, "metric", "") == getattr(other, "metric", "")


def _not_held(
    path: KeyPath, name: str, held: Sequence[str], keys: tuple[str, ...], pii: tuple[str, ...]
) -> Iterator[ValidationIssue]:
    if name in held:
        return
    if name in pii:
        what, hint = "personal data (pii) is dropped, and groups could not be compared", "name something else"
    elif name in keys:
        what, hint = "a key makes a group of each row", "name a column that many rows share"
    else:
        what = "feature rows hold no such column"
        hint = did_you_mean(name, held) or "name a feature, or name the raw column in protected"
    yield ValidationIssue(path, what, got=name, allowed=tuple(held), hint=hint)


def behaviour_is_written_down(gates: tuple[object, ...], folder: Path) -> Iterator[ValidationIssue]:
    """Refuse a gate of behaviour in a project that does not say how its models must behave."""
    for index, gate in enumerate(gates):
        if isinstance(gate, BehaviourGate) and not (folder / "behaviour.py").is_file():
            what = "there is no behaviour.py, so this gate would let nothing pass"
            yield ValidationIssue(
                ("gates", index, "kind"), what, hint="write one (docs/add-a-project.md), or remove the gate"
            )
