"""List declarations that ask for proof, or for a person, where nobody could give it."""

from __future__ import annotations

from tests.config.good_declaration import Broken

BROKEN_PROOF: tuple[Broken, ...] = (
    Broken(
        "proof_in_promotion",
        "promotion:\n  mode: automatic",
        "promotion:\n  mode: automatic\n  min_improvement: 0.01\n  confidence: 0.9",
        (
            "proof_in_promotion/project.yaml:60: promotion.min_improvement: what proves a challenger better is a gate now; got: 0.01; hint: remove it, and declare among the gates: {kind: better_than_champion, metric: <the primary one>, margin: 0.01}",
            "proof_in_promotion/project.yaml:61: promotion.confidence: what proves a challenger better is a gate now; got: 0.9; hint: remove it, and declare among the gates: {kind: better_than_champion, metric: <the primary one>, confidence: 0.9}",
        ),
    ),
    Broken(
        "proof_of_what_yes_to_all_has",
        "  - kind: leak_alarm\n    metric: roc_auc\n    above: 0.85",
        "  - {kind: beats_baseline, metric: recall}",
        (
            "proof_of_what_yes_to_all_has/project.yaml:55: gates[2].metric: the recall of yes to all is 1: no model can be proved better than that; got: recall; hint: report it beside another one, in metrics.also, and bound it by a gate of kind minimum",
        ),
    ),
    Broken(
        "proof_of_nearly_nothing",
        "  - kind: leak_alarm\n    metric: roc_auc\n    above: 0.85",
        "  - kind: better_than_champion\n    metric: roc_auc\n    margin: 2\n    confidence: 0.5",
        ("proof_of_nearly_nothing/project.yaml:58: gates[2].confidence: must be at least 0.8; got: 0.5",),
    ),
    Broken(
        "holdout_of_a_few_rows",
        "  - kind: leak_alarm\n    metric: roc_auc\n    above: 0.85",
        "  - kind: holdout\n    min_rows: 20\n    min_positives: 12\n    min_negatives: 2\n    because: ' '",
        (
            'holdout_of_a_few_rows/project.yaml:56: gates[2].min_rows: a bound below 50 needs a reason; got: 20; hint: add because: "..." to the gate; the report prints it',
            'holdout_of_a_few_rows/project.yaml:58: gates[2].min_negatives: a bound below 10 needs a reason; got: 2; hint: add because: "..." to the gate; the report prints it',
        ),
    ),
    Broken(
        "proof_twice",
        "  - kind: leak_alarm\n    metric: roc_auc\n    above: 0.85",
        "  - {kind: better_than_champion, metric: roc_auc, margin: 0.01}\n  - {kind: better_than_champion, metric: roc_auc, margin: 2}",
        (
            "proof_twice/project.yaml:56: gates[3]: another gate of this kind looks at this metric; got: better_than_champion of roc_auc; hint: keep it or gates[2], the stricter one",
            "proof_twice/project.yaml:56: gates[3].margin: roc_auc is between 0 and 1; got: 2; hint: write 60 % as 0.6",
        ),
    ),
    Broken(
        "gate_twice",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - kind: minimum\n    metric: roc_auc\n    value: 0.6",
        (
            "gate_twice/project.yaml:53: gates[1]: the gate is declared twice; got: minimum of roc_auc; hint: keep it or gates[0], the stricter one",
        ),
    ),
    Broken(
        "gate_rivals",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - kind: minimum\n    metric: roc_auc\n    value: 0.7",
        (
            "gate_rivals/project.yaml:53: gates[1]: another gate of this kind looks at this metric; got: minimum of roc_auc; hint: keep it or gates[0], the stricter one",
        ),
    ),
    Broken(
        "gate_upside_down",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - kind: minimum\n    metric: log_loss\n    value: 0.7",
        (
            "gate_upside_down/project.yaml:53: gates[1].kind: a minimum of log_loss demands a bad model: lower is better; got: minimum; hint: did you mean 'maximum'?",
        ),
    ),
    Broken(
        "gate_in_percent",
        "    value: 0.6",
        "    value: 60",
        (
            "gate_in_percent/project.yaml:52: gates[0].value: roc_auc is between 0 and 1; got: 60; hint: write 60 % as 0.6",
            "gate_in_percent/project.yaml:57: gates[2].above: no model can pass: gates[0] demands roc_auc 60; got: 0.85; hint: the alarm must be above that",
        ),
    ),
    Broken(
        "gates_contradict",
        "    above: 0.85",
        "    above: 0.55",
        (
            "gates_contradict/project.yaml:57: gates[2].above: no model can pass: gates[0] demands roc_auc 0.6; got: 0.55; hint: the alarm must be above that",
        ),
    ),
    Broken(
        "approval_that_nobody_gives",
        "promotion:\n  mode: automatic",
        "promotion:\n  mode: automatic\n  approval: {on_timeout: promote}",
        (
            'approval_that_nobody_gives/project.yaml:60: promotion.approval: nobody is asked in mode automatic; got: {"on_timeout": "promote"}; hint: write \'mode: approval\' to have a person asked, or remove it',
        ),
    ),
    Broken(
        "approval_for_years",
        "promotion:\n  mode: automatic",
        "promotion:\n  mode: approval\n  approval: {timeout_hours: 9000, on_timeout: reject}",
        (
            "approval_for_years/project.yaml:60: promotion.approval.timeout_hours: must be at most 720.0; got: 9000",
            "approval_for_years/project.yaml:60: promotion.approval.on_timeout: not one of the allowed values; got: reject; allowed: hold, promote",
        ),
    ),
    Broken(
        "approval_in_no_time",
        "promotion:\n  mode: automatic",
        "promotion:\n  mode: approval\n  approval: {timeout_hours: 0, timeout_minutes: 5}",
        (
            "approval_in_no_time/project.yaml:60: promotion.approval.timeout_hours: must be at least 0.01; got: 0",
            "approval_in_no_time/project.yaml:60: promotion.approval.timeout_minutes: unknown key; got: timeout_minutes; allowed: on_timeout, timeout_hours; hint: Did you mean 'timeout_hours'?",
        ),
    ),
)
