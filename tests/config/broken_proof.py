"""List declarations that ask for proof of a gain where it is no longer declared."""

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
        "proof_of_nearly_nothing",
        "  - kind: leak_alarm\n    metric: roc_auc\n    above: 0.85",
        "  - kind: better_than_champion\n    metric: roc_auc\n    margin: 2\n    confidence: 0.5",
        ("proof_of_nearly_nothing/project.yaml:58: gates[2].confidence: must be at least 0.8; got: 0.5",),
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
)
