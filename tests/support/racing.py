"""Let many processes promote at the same moment, each its own candidate of the same night."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from include.config.project import Project
from include.domain import clock
from include.domain.decision import Decision, LedgerEntry
from include.domain.results import EvaluateResult, Origin, PromoteInputs, PromoteResult
from include.io import keys
from include.io.manifests import read_manifest, to_json, write_manifest
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.stages import promote
from tests.support.killing import warm_context

SECONDS_TO_END = 120.0


@dataclass(frozen=True)
class Race:
    """Say what each racer promotes.

    Attributes:
        decision: A proved one, whose candidate is in the store: the racers' are like it.
        champion: What all of them were compared with.
        racers: How many there are.
    """

    project: Project
    store_url: str
    tracking_url: str
    decision: Decision
    champion: LedgerEntry
    round: int
    racers: int

    @property
    def as_of(self) -> date:
        """Return the day of the round: newer than the champion's."""
        return self.decision.as_of + timedelta(days=self.round)

    def version(self, racer: int) -> str:
        """Return a racer's model version; the first one is the base decision's."""
        return str(2 + (self.round - 1) * self.racers + racer)

    def prepare(self, store: ObjectStore, racer: int) -> PromoteInputs:
        """Write a racer's candidate and decision, as train and evaluate do, and return what promote is given."""
        base, identity = self.decision.challenger, racer_name(self.round, racer)
        trained = read_manifest(store, keys.model_manifest(self.project.name, base.candidate_id))
        assert trained is not None
        key = keys.model_manifest(self.project.name, identity)
        write_manifest(store, key, trained.model_copy(update={"fingerprint": identity}))
        mine = {"candidate_id": identity, "version": self.version(racer), "as_of": self.as_of}
        decision = self.decision.model_copy(
            update={
                "decision_id": f"{self.as_of}-{identity}",
                "as_of": self.as_of,
                "made_at": clock.now(),
                "ledger_length": self.champion.number,
                "challenger": base.model_copy(update=mine),
                "champion": base.model_copy(update={"version": self.champion.version}),
            }
        )
        store.put(keys.decision(self.project.name, decision.decision_id), to_json(decision), if_absent=True)
        evaluated = EvaluateResult(
            verdict="PROMOTE",
            reason=decision.reason,
            decision_id=decision.decision_id,
            decision_uri=store.uri(keys.decision(self.project.name, decision.decision_id)),
            challenger=base.candidate,
            candidate_id=identity,
        )
        return PromoteInputs(
            as_of=self.as_of,
            store_url=self.store_url,
            tracking_url=self.tracking_url,
            origin=Origin(run_id=f"round {self.round} racer {racer}"),
            evaluated=evaluated,
        )


class Racers:
    """Be processes that are kept for all rounds; a context, whose end ends them."""

    def __init__(self, count: int, environ: Mapping[str, str]) -> None:
        context = warm_context()
        self._barrier = context.Barrier(count)
        self._lines: list[Connection] = []
        self._processes = []
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_race, args=(theirs, self._barrier, number, dict(environ)), daemon=True)
            process.start()
            theirs.close()
            self._lines.append(ours)
            self._processes.append(process)

    def __enter__(self) -> Racers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()

    def run(self, race: Race) -> list[PromoteResult]:
        """Have all of them promote at once, and return their results in their order.

        Raises:
            AssertionError: A racer failed; the message holds its error.
        """
        for line in self._lines:
            line.send(race)
        answers = []
        for line in self._lines:
            assert line.poll(SECONDS_TO_END), "a racer takes too long"
            answers.append(line.recv())
        failed = [answer for answer in answers if isinstance(answer, str)]
        assert not failed, failed
        return answers


def _race(line: Connection, barrier: Any, number: int, environ: Mapping[str, str]) -> None:
    os.environ.update(environ)
    while True:
        race = line.recv()
        assert isinstance(race, Race)
        inputs = race.prepare(open_store(race.store_url), number)
        barrier.wait(SECONDS_TO_END)
        try:
            line.send(promote.run(race.project, inputs))
        except Exception as error:  # noqa: BLE001 - handed on to the parent
            line.send(f"racer {number}: {type(error).__name__}: {error}")


def next_race(race: Race, champion: LedgerEntry) -> Race:
    """Return the next round, against the champion that the last one made."""
    return replace(race, champion=champion, round=race.round + 1)


def add_versions(database: Path, first: str, rounds: int, racers: int) -> None:
    """Register each racer's version in MLflow's SQLite database, like the one there is, tagged with its candidate."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        columns = [row[1] for row in connection.execute("pragma table_info(model_versions)")]
        others = ", ".join(name for name in columns if name != "version")
        insert = (
            f"insert into model_versions (version, {others}) select ?, {others} from model_versions where version = ?"
        )
        count = rounds * racers
        connection.executemany(insert, [(int(first) + more, int(first)) for more in range(1, count + 1)])
        tag = (
            "insert into model_version_tags (name, version, workspace, key, value) "
            "select name, ?, workspace, key, ? from model_version_tags where version = ? and key = 'candidate_id'"
        )
        names = (racer_name(number // racers + 1, number % racers) for number in range(count))
        connection.executemany(tag, [(int(first) + more, name, int(first)) for more, name in enumerate(names, start=1)])


def racer_name(race: int, racer: int) -> str:
    """Return the candidate id of a racer in a round."""
    return f"linear-{race:04d}-{racer:04d}"
