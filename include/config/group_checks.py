"""Check the columns that groups of rows are made by, and the gates that look at such groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.config.errors import did_you_mean
from include.config.findings import Finding, KeyPath
from include.config.gates import FairnessGate, Gate, SliceGate
from include.config.parts import Features, Target

_GroupGate = SliceGate | FairnessGate


def slices_are_features(
    slices: tuple[str, ...], features: Features, protected: tuple[str, ...], keys: tuple[str, ...], pii: tuple[str, ...]
) -> Iterator[Finding]:
    """Refuse slices by columns that feature rows do not hold, and by protected ones, which are looked at anyway."""
    for index, name in enumerate(slices):
        if name in protected:
            yield Finding(("slices", index), "the column is protected, and looked at anyway", hint="remove it here")
        else:
            yield from _not_held(("slices", index), name, features.names, keys, pii)


def protected_tells_groups(protected: tuple[str, ...], keys: tuple[str, ...], target: Target) -> Iterator[Finding]:
    """Refuse as protected what makes a group of each row, or of each answer."""
    for index, name in enumerate(protected):
        if name in keys:
            what = "a key may not be protected: each row would be a group"
            yield Finding(("protected", index), what, hint="name a column that many rows share")
        elif name in (target.name, target.column):
            what = "the target may not be protected: each group would hold one answer only"
            yield Finding(("protected", index), what, hint="name a column that is known beforehand")


def slice_gates_find_groups(
    gates: tuple[Gate, ...],
    features: Features,
    protected: tuple[str, ...],
    slices: tuple[str, ...],
    keys: tuple[str, ...],
    pii: tuple[str, ...],
) -> Iterator[Finding]:
    """Refuse a slice gate with nothing to look at, and one that looks at what feature rows do not hold."""
    held = (*features.names, *protected)
    for index, gate in enumerate(gates):
        if not isinstance(gate, SliceGate):
            continue
        if not gate.by and not protected and not slices:
            what = "there are no groups to look at: nothing is protected, and no slices are declared"
            yield Finding(("gates", index), what, got="slice", hint="name features in slices or in by")
        for number, name in enumerate(gate.by):
            yield from _not_held(("gates", index, "by", number), name, held, keys, pii)


def fairness_gates_find_groups(gates: tuple[Gate, ...], protected: tuple[str, ...]) -> Iterator[Finding]:
    """Refuse a fairness gate without protected columns, and one that looks at others."""
    for index, gate in enumerate(gates):
        if not isinstance(gate, FairnessGate):
            continue
        if not protected:
            what = "there are no groups of people to look at: nothing is protected"
            hint = "name the raw columns of such groups in protected"
            yield Finding(("gates", index), what, got="fairness", hint=hint)
            continue
        for number, name in enumerate(gate.by):
            if name not in protected:
                hint = did_you_mean(name, protected) or "name it in protected, too"
                what = "the column is not protected"
                yield Finding(("gates", index, "by", number), what, got=name, allowed=protected, hint=hint)


def group_gates_share_no_column(gates: tuple[Gate, ...]) -> Iterator[Finding]:
    """Refuse a column that two gates look at in the same way, or that one gate names twice."""
    found = [(index, gate) for index, gate in enumerate(gates) if isinstance(gate, _GroupGate)]
    for index, gate in found:
        alike = [(other, rival) for other, rival in found if other != index and _alike(gate, rival)]
        named = [other for other, rival in alike if rival.by]
        if not gate.by and named:
            what = f"a gate without by looks at all groups, and gates[{named[0]}] at some of them"
            yield Finding(("gates", index), what, got=gate.kind, hint="name the columns of each in by")
        for number, name in enumerate(gate.by):
            path: KeyPath = ("gates", index, "by", number)
            earlier = [other for other, rival in alike if other < index and name in rival.by and rival.by != gate.by]
            if name in gate.by[:number]:
                yield Finding(path, "the column is named twice", hint="keep one")
            elif earlier:
                what = f"gates[{earlier[0]}] looks at this column in the same way"
                yield Finding(path, what, hint="keep it in one of the two")


def _alike(gate: _GroupGate, other: _GroupGate) -> bool:
    return gate.kind == other.kind and getattr(gate, "metric", "") == getattr(other, "metric", "")


def _not_held(
    path: KeyPath, name: str, held: Sequence[str], keys: tuple[str, ...], pii: tuple[str, ...]
) -> Iterator[Finding]:
    if name in held:
        return
    if name in pii:
        what, hint = "personal data (pii) is dropped, and groups could not be compared", "name something else"
    elif name in keys:
        what, hint = "a key makes a group of each row", "name a column that many rows share"
    else:
        what = "feature rows hold no such column"
        hint = did_you_mean(name, held) or "name a feature, or name the raw column in protected"
    yield Finding(path, what, got=name, allowed=tuple(held), hint=hint)
