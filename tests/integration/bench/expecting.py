"""Judge a candidate of the bench, and hold the verdict, the ledger and the champion to what is expected."""

from __future__ import annotations

from include.config.discovery import load_project
from include.config.gates_in_force import gates_in_force
from include.io.ledger import Ledger
from tests.integration.bench.cases import Case
from tests.projects.delivered import PROJECTS
from tests.support.bench.house import House
from tests.support.bench.trial import Champion, Outcome, judge

FIRST, SECOND = Champion("1", "1", "1"), Champion("2", "2", "2")


def expect(case: Case, house: House) -> Outcome:
    """Assert what comes of a candidate, and return it."""
    ground = house.ground
    trial = case.make(house)
    delivered = load_project(PROJECTS, ground.name)
    assert trial.project.gates == delivered.gates
    assert set(gates_in_force(delivered)) <= set(gates_in_force(trial.project))
    outcome = judge(house, trial)
    decision, entries = outcome.decision, outcome.entries
    assert decision.verdict == case.verdict, decision.reason
    assert set(case.fails) <= set(outcome.failed), decision.reason
    assert case.beside is None or set(outcome.failed) <= {*case.fails, *case.beside}, decision.reason
    names = {
        "feature": house.project().features.numeric[-1],
        "people": ground.people.column,
        "slice": f"{ground.slice.column} {ground.slice.value}",
    }
    for part in case.says:
        assert part.format(**names) in decision.reason

    judged = entries[0]
    assert (judged.kind, judged.verdict, judged.reason) == ("decision", case.verdict, decision.reason)
    assert (judged.decision_id, judged.candidate_id) == (decision.decision_id, trial.trained[-1].candidate_id)
    promoted = case.verdict == "PROMOTE"
    assert [entry.kind for entry in entries[1:]] == (["promotion"] if promoted else [])
    assert outcome.champion == (SECOND if promoted else FIRST)
    champion = Ledger(house.store, ground.name).champion()
    assert champion is not None
    assert (champion.candidate_id == judged.candidate_id) is promoted or case.name == "the_champion_itself"
    if case.verdict == "REJECT":
        assert outcome.error is not None and decision.reason in str(outcome.error)
    else:
        assert outcome.promoted is not None and outcome.promoted.verdict == case.verdict
    return outcome
