"""Check gates against each other and against what their metrics can be."""

from __future__ import annotations

from collections.abc import Iterator

from include.config.findings import Finding
from include.config.gates import (
    LOWER_IS_BETTER,
    Gate,
    HoldoutGate,
    LeakAlarmGate,
    MaximumGate,
    MetricGate,
    MinimumGate,
    SliceGate,
)
from include.config.parts import Metrics

_NO_UPPER_END = frozenset({"log_loss"})


def gates_named_once(gates: tuple[Gate, ...]) -> Iterator[Finding]:
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
            yield Finding(("gates", index), what, got=got, hint=f"keep it or gates[{earlier}], the stricter one")


def gates_fit_their_metrics(gates: tuple[Gate, ...]) -> Iterator[Finding]:
    """Refuse bounds that demand a bad model, and bounds outside what the metric can be."""
    for index, gate in enumerate(gates):
        if not isinstance(gate, MetricGate) or isinstance(gate, SliceGate):
            continue
        lower = gate.metric in LOWER_IS_BETTER
        if isinstance(gate, MinimumGate) and lower:
            what = f"a minimum of {gate.metric} demands a bad model: lower is better"
            yield Finding(("gates", index, "kind"), what, hint="did you mean 'maximum'?")
        if isinstance(gate, MaximumGate) and not lower:
            what = f"a maximum of {gate.metric} demands a bad model: higher is better"
            yield Finding(
                ("gates", index, "kind"), what, hint="to be warned of a score too good to be true: 'leak_alarm'"
            )
        key = "above" if isinstance(gate, LeakAlarmGate) else "value" if hasattr(gate, "value") else "margin"
        bound = gate.believed if isinstance(gate, LeakAlarmGate) else float(getattr(gate, key))
        high = float("inf") if gate.metric in _NO_UPPER_END else 1.0
        if not 0 <= bound <= high:
            ends = "at least 0" if gate.metric in _NO_UPPER_END else "between 0 and 1"
            hint = "write 60 % as 0.6" if bound > 1 else ""
            yield Finding(("gates", index, key), f"{gate.metric} is {ends}", hint=hint)


def gates_can_pass(gates: tuple[Gate, ...], metrics: Metrics) -> Iterator[Finding]:
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
                yield Finding(("gates", index, "value"), what, hint=hint)
            else:
                what = f"no model can pass: gates[{index}] demands {alarm.metric} {gate.value:g}"
                yield Finding(("gates", at, "above"), what, hint=f"the alarm must be {side} that")


def switched_off_gates_are_in_force(gates: tuple[Gate, ...], metrics: Metrics) -> Iterator[Finding]:
    """Refuse to switch off the gate of a metric that no undeclared gate looks at: it would stay as it is."""
    for index, gate in enumerate(gates):
        if isinstance(gate, LeakAlarmGate | SliceGate) and gate.off and gate.metric != metrics.primary:
            what = "there is nothing to switch off: without a declaration this gate looks at the primary metric"
            hint = "name the primary metric, or remove the gate"
            yield Finding(("gates", index, "metric"), what, got=gate.metric, allowed=(metrics.primary,), hint=hint)


def small_holdouts_say_why(gates: tuple[Gate, ...]) -> Iterator[Finding]:
    """Refuse bounds on the holdout below the defaults that give no reason: few rows hardly prove anything."""
    usual = HoldoutGate(kind="holdout")
    for index, gate in enumerate(gates):
        if not isinstance(gate, HoldoutGate) or gate.because.strip():
            continue
        for key in ("min_rows", "min_positives", "min_negatives"):
            if getattr(gate, key) < getattr(usual, key):
                yield Finding(
                    ("gates", index, key),
                    f"a bound below {getattr(usual, key)} needs a reason",
                    hint='add because: "..." to the gate; the report prints it',
                )
