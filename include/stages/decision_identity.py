"""Name a decision by its evidence, before anything is measured: a retry finds the one that is written."""

from __future__ import annotations

from include.config.code_identity import decision_code
from include.config.project_code import behaviour_fingerprint
from include.stages.candidates import fingerprint_of
from include.stages.contest import Contest

# what is declared of measuring and judging
RULES = ("gates", "metrics", "promotion", "protected", "slices", "threshold", "value")


def decision_id(contest: Contest) -> str:
    """Return the run's day and a hash of the evidence, not of the moment: judging it again is the same decision."""
    project, inputs, challenger = contest.project, contest.inputs, contest.challenger
    champion, in_force = contest.champion, contest.in_force
    newest, pin = in_force.champion, in_force.pin
    identity = fingerprint_of(
        {
            "project": project.name,
            "as_of": inputs.as_of.isoformat(),
            "candidates": sorted(result.candidate_id for result in inputs.trained),
            "challenger": [challenger.result.candidate_id, challenger.version, challenger.broken],
            "champion": [champion.entry.candidate_id, champion.entry.version] if champion else None,
            "newest": [newest.candidate_id, newest.version] if newest else None,
            "rules": project.relevant(*RULES),
            "mode": inputs.promotion_mode,
            "backfill": inputs.origin.run_type == "backfill",
            "pin": pin.number if pin else None,
            "barred": challenger.result.candidate_id in in_force.barred,
            "behaviour": behaviour_fingerprint(project),
            "holdout": contest.holdout.fingerprint,
            "code": decision_code(),
        }
    )
    return f"{inputs.as_of}-{identity}"
