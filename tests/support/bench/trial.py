"""Judge candidates against the champion by the real stages, and say what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from include.config.project import Project
from include.domain.decision import Decision, LedgerEntry
from include.domain.errors import CandidateRejectedError
from include.domain.results import EvaluateInputs, PromoteInputs, PromoteResult, TrainResult
from include.io.champion_alias import tracking_of
from include.io.ledger import Ledger, read_decision
from include.io.releases import read_pointer
from include.stages import evaluate, promote
from tests.support.bench.house import House


@dataclass(frozen=True)
class Trial:
    """Hold what is put on the bench.

    Attributes:
        project: As it is declared for this candidate.
        trained: What train gave, or is made to have given.
        as_of: The day on which it is judged; None is the ground's.
    """

    project: Project
    trained: tuple[TrainResult, ...]
    as_of: date | None = None


@dataclass(frozen=True)
class Champion:
    """Name the champion in force, by the ledger, by the release pointer and by MLflow's alias."""

    ledger: str
    pointer: str
    alias: str | None


@dataclass(frozen=True)
class Outcome:
    """Hold what came of a trial.

    Attributes:
        decision: With its evidence.
        entries: What was appended to the ledger.
        champion: Who is in force afterwards.
        promoted: What promote gave; None when it raised.
        error: What promote raised; None when it did not.
    """

    decision: Decision
    entries: list[LedgerEntry]
    champion: Champion
    promoted: PromoteResult | None = None
    error: CandidateRejectedError | None = None
    failed: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        hard = [gate.kind for gate in self.decision.gates if not gate.passed and gate.on_failure == "reject"]
        object.__setattr__(self, "failed", tuple(dict.fromkeys(hard)))


def judge(house: House, trial: Trial) -> Outcome:
    """Run evaluate and promote on a trial."""
    as_of = trial.as_of or house.ground.as_of
    given = house.inputs(as_of, f"trial of {as_of}")
    before = Ledger(house.store, house.ground.name).entries()
    evaluated = evaluate.run(trial.project, EvaluateInputs(**given, plan=house.plan(as_of), trained=trial.trained))
    promoted, error = None, None
    try:
        promoted = promote.run(trial.project, PromoteInputs(**given, evaluated=evaluated))
    except CandidateRejectedError as rejected:
        error = rejected
    after = Ledger(house.store, house.ground.name).entries()
    assert after[: len(before)] == before
    decision = read_decision(house.store, house.ground.name, evaluated.decision_id)
    return Outcome(decision, after[len(before) :], in_force(house), promoted, error)


def in_force(house: House) -> Champion:
    """Return the champion by each of the three that name it."""
    name = house.ground.name
    entry, pointer = Ledger(house.store, name).champion(), read_pointer(house.store, name)
    assert entry is not None and pointer is not None
    assert pointer.ledger_number == entry.number
    alias = tracking_of(house.store, name, house.tracking_url).version_of_alias("champion")
    return Champion(entry.version, pointer.version, alias)
