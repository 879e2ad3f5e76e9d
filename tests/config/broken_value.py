"""List declarations in which the threshold or the money of the answers cannot be what they say."""

from __future__ import annotations

from tests.config.good_declaration import Broken

_HINT = "hint: declare value: {currency: EUR, true_positive: ..., false_positive: ..., false_negative: ..., true_negative: ...}"

BROKEN_VALUE: tuple[Broken, ...] = (
    Broken(
        "value_gate_without_value",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - {kind: value, min_gain: 100}",
        (
            f"value_gate_without_value/project.yaml:53: gates[1]: nothing says what an answer is worth; got: gate 'value' without value; {_HINT}",
        ),
    ),
    Broken(
        "threshold_without_value",
        "promotion:\n",
        "threshold: {objective: value}\npromotion:\n",
        (
            f"threshold_without_value/project.yaml:58: threshold.objective: nothing says what an answer is worth; got: value; {_HINT}",
        ),
    ),
    Broken(
        "threshold_of_another_objective",
        "promotion:\n",
        "threshold: {objective: f_beta, value: 0.3, recall: 0.9}\npromotion:\n",
        (
            "threshold_of_another_objective/project.yaml:58: threshold.value: only objective 'fixed' looks at it; this one is 'f_beta'; got: 0.3; hint: remove it, or write objective: fixed",
            "threshold_of_another_objective/project.yaml:58: threshold.recall: only objective 'precision_at_recall' looks at it; this one is 'f_beta'; got: 0.9; hint: remove it, or write objective: precision_at_recall",
        ),
    ),
    Broken(
        "threshold_without_objective",
        "promotion:\n",
        "threshold: {beta: 2}\npromotion:\n",
        (
            "threshold_without_objective/project.yaml:58: threshold.beta: only objective 'f_beta' looks at it; this one is 'fixed'; got: 2; hint: remove it, or write objective: f_beta",
        ),
    ),
    Broken(
        "threshold_objective_unknown",
        "promotion:\n",
        "threshold: {objective: f1}\npromotion:\n",
        (
            "threshold_objective_unknown/project.yaml:58: threshold.objective: not one of the allowed values; got: f1; allowed: f_beta, fixed, precision_at_recall, value",
        ),
    ),
    Broken(
        "threshold_in_percent",
        "promotion:\n",
        "threshold: {value: 50}\npromotion:\n",
        ("threshold_in_percent/project.yaml:58: threshold.value: must be less than 1.0; got: 50",),
    ),
    Broken(
        "value_upside_down",
        "promotion:\n",
        "value: {currency: EUR, true_positive: -5, false_positive: 10, false_negative: 0}\npromotion:\n",
        (
            "value_upside_down/project.yaml:58: value.true_positive: acting on a positive must be worth more than missing it; got: -5; hint: more than false_negative (0)",
            "value_upside_down/project.yaml:58: value.true_negative: leaving a negative alone must be worth more than acting on it; got: 0; hint: more than false_positive (10); costs are negative",
        ),
    ),
    Broken(
        "value_of_nothing",
        "promotion:\n",
        "value: {currency: EUR, true_positve: 5, false_positive: -1}\npromotion:\n",
        (
            "value_of_nothing/project.yaml:58: value.true_positve: unknown key; got: true_positve; allowed: currency, false_negative, false_positive, true_negative, true_positive; hint: Did you mean 'true_positive'?",
        ),
    ),
)
