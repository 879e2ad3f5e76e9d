"""List declarations whose groups of rows cannot be made, or are looked at twice."""

from __future__ import annotations

from tests.config.good_declaration import GOOD_DECLARATION, Broken

_PROTECTED = "protected: [age_band]"
_FROM_PROTECTED_TO_GATES = GOOD_DECLARATION[
    GOOD_DECLARATION.index(_PROTECTED) : GOOD_DECLARATION.index("  - kind: minimum")
]
_GATE = "  - kind: beats_baseline\n    metric: log_loss"

BROKEN_GROUPS: tuple[Broken, ...] = (
    Broken(
        "slice_of_nothing_held",
        _PROTECTED,
        "slices: [carier, tail_number, flight_id, passenger]",
        (
            "slice_of_nothing_held/project.yaml:31: slices[0]: feature rows hold no such column; got: carier; allowed: carrier, dep_hour, distance, origin; hint: Did you mean 'carrier'?",
            "slice_of_nothing_held/project.yaml:31: slices[1]: feature rows hold no such column; got: tail_number; allowed: carrier, dep_hour, distance, origin; hint: name a feature, or name the raw column in protected",
            "slice_of_nothing_held/project.yaml:31: slices[2]: a key makes a group of each row; got: flight_id; allowed: carrier, dep_hour, distance, origin; hint: name a column that many rows share",
            "slice_of_nothing_held/project.yaml:31: slices[3]: personal data (pii) is dropped, and groups could not be compared; got: passenger; allowed: carrier, dep_hour, distance, origin; hint: name something else",
        ),
    ),
    Broken(
        "slice_protected",
        _PROTECTED,
        "protected: [age_band]\nslices: [age_band]",
        (
            "slice_protected/project.yaml:32: slices[0]: the column is protected, and looked at anyway; got: age_band; hint: remove it here",
        ),
    ),
    Broken(
        "slice_twice",
        _PROTECTED,
        "slices: [origin, origin]",
        (
            "slice_twice/project.yaml:31: slices[1]: the column is named twice; got: origin; hint: named 2 times; keep one",
        ),
    ),
    Broken(
        "protected_key",
        _PROTECTED,
        "protected: [flight_id, arr_delay, late]",
        (
            "protected_key/project.yaml:31: protected[0]: a key may not be protected: each row would be a group; got: flight_id; hint: name a column that many rows share",
            "protected_key/project.yaml:31: protected[1]: the target may not be protected: each group would hold one answer only; got: arr_delay; hint: name a column that is known beforehand",
            "protected_key/project.yaml:31: protected[2]: the target may not be protected: each group would hold one answer only; got: late; hint: name a column that is known beforehand",
        ),
    ),
    Broken(
        "slice_gate_of_nothing_held",
        _GATE,
        "  - {kind: slice, metric: roc_auc, by: [age_bnd, flight_id]}",
        (
            "slice_gate_of_nothing_held/project.yaml:53: gates[1].by[0]: feature rows hold no such column; got: age_bnd; allowed: age_band, carrier, dep_hour, distance, origin; hint: Did you mean 'age_band'?",
            "slice_gate_of_nothing_held/project.yaml:53: gates[1].by[1]: a key makes a group of each row; got: flight_id; allowed: age_band, carrier, dep_hour, distance, origin; hint: name a column that many rows share",
        ),
    ),
    Broken(
        "slice_gate_rivals",
        _GATE,
        "  - {kind: slice, metric: roc_auc}\n  - {kind: slice, metric: roc_auc, by: [origin, carrier, origin]}\n  - {kind: slice, metric: roc_auc, by: [carrier]}\n  - {kind: slice, metric: log_loss, by: [carrier]}",
        (
            "slice_gate_rivals/project.yaml:53: gates[1]: a gate without by looks at all groups, and gates[2] at some of them; got: slice; hint: name the columns of each in by",
            "slice_gate_rivals/project.yaml:54: gates[2].by[2]: the column is named twice; got: origin; hint: keep one",
            "slice_gate_rivals/project.yaml:55: gates[3].by[0]: gates[2] looks at this column in the same way; got: carrier; hint: keep it in one of the two",
        ),
    ),
    Broken(
        "slice_gate_twice",
        _GATE,
        "  - {kind: slice, metric: roc_auc, by: [carrier]}\n  - {kind: slice, metric: roc_auc, by: [carrier], margin: 0.1}",
        (
            "slice_gate_twice/project.yaml:54: gates[2]: another gate of this kind looks at this metric; got: slice of roc_auc; hint: keep it or gates[1], the stricter one",
        ),
    ),
    Broken(
        "fairness_gate_of_features",
        _GATE,
        "  - {kind: fairness, by: [age_bands, carrier], max_equalized_odds_difference: 0.1}",
        (
            "fairness_gate_of_features/project.yaml:53: gates[1].by[0]: the column is not protected; got: age_bands; allowed: age_band; hint: Did you mean 'age_band'?",
            "fairness_gate_of_features/project.yaml:53: gates[1].by[1]: the column is not protected; got: carrier; allowed: age_band; hint: name it in protected, too",
        ),
    ),
    Broken(
        "fairness_gate_without_bound",
        _GATE,
        "  - {kind: fairness}",
        (
            "fairness_gate_without_bound/project.yaml:53: gates[1]: at least one bound is needed; got: none; allowed: max_demographic_parity_difference, max_equalized_odds_difference",
        ),
    ),
    Broken(
        "group_gates_without_groups",
        _FROM_PROTECTED_TO_GATES,
        _FROM_PROTECTED_TO_GATES.replace(_PROTECTED, "protected: []")
        + "  - {kind: slice, metric: roc_auc}\n  - {kind: fairness, max_equalized_odds_difference: 0.1}\n",
        (
            "group_gates_without_groups/project.yaml:50: gates[0]: there are no groups to look at: nothing is protected, and no slices are declared; got: slice; hint: name features in slices or in by",
            "group_gates_without_groups/project.yaml:51: gates[1]: there are no groups of people to look at: nothing is protected; got: fairness; hint: name the raw columns of such groups in protected",
        ),
    ),
)
