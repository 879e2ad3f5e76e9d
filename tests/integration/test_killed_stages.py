"""Kill every stage of a night with SIGKILL, at random moments and after each of its writes: the next try heals it.

The clock stands still and MLflow's run ids are made from names, so a healed night must leave the same bytes as an
undisturbed one. Left out of that comparison is only what is MLflow's own: the file `MLmodel`, which holds a random id
and the moment it was written, the times of runs and metrics, and the tag that says which process trained.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from include.domain.results import PromoteResult
from include.io import keys
from include.io.ledger import Ledger
from include.io.local_store import TEMPORARY, LocalStore
from tests.stages.shop import assert_nothing_half_written
from tests.support.killing import Attempt
from tests.support.sizes import size
from tests.support.tracked import tracked
from tests.support.tracking import copy_prepared
from tests.support.whole_nights import NAME, NOW, Task, WholeNight
from tests.support.write_points import written_down

pytestmark = pytest.mark.integration

ENVIRON = {"NIGHTSHIFT_NOW": NOW}
SEED = 20240311
# kills in a row before a try is let alone
IN_A_ROW = 3
# kills that must hit a stage at work; the longer ones have more moments
KILLS = size(
    {"ingest": 3, "validate": 3, "build_features": 3, "train": 4, "evaluate": 4, "promote": 5},
    {"ingest": 12, "validate": 15, "build_features": 12, "train": 20, "evaluate": 15, "promote": 18},
)
MOST_WRITES = 100
NOT_COMPARED = "MLmodel"


def objects(store: LocalStore) -> dict[str, str]:
    """Return the sha256 of each object below the project."""
    return {
        info.key: hashlib.sha256(store.get(info.key)).hexdigest()
        for info in store.list(f"{NAME}/")
        if not info.key.endswith(f"/{NOT_COMPARED}")
    }


@dataclass
class Home:
    """Hold a night's folder, with a copy of it from before each task of the undisturbed night.

    Attributes:
        seconds: How long each task took, undisturbed.
        after: Objects and MLflow's records after each task.
    """

    folder: Path
    night: WholeNight
    seconds: dict[Task, float] = field(default_factory=dict)
    results: dict[Task, Any] = field(default_factory=dict)
    after: dict[Task, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def store(self) -> LocalStore:
        return self.night.shop.store

    def play(self) -> None:
        """Play the undisturbed night."""
        self.night.results.clear()
        for task in self.night.tasks():
            shutil.copytree(self.night.folder, self.folder / str(task))
            attempt = Attempt(self.night.run, task, environ=ENVIRON)
            began = time.monotonic()
            self.night.results[task] = attempt.result()
            self.seconds[task] = time.monotonic() - began
            self.after[task] = self.now()
        self.results = dict(self.night.results)

    def back_to(self, task: Task) -> None:
        """Put everything back as it was before a task."""
        shutil.rmtree(self.night.folder)
        shutil.copytree(self.folder / str(task), self.night.folder)
        self.night.results = dict(self.results)

    def now(self) -> tuple[Any, Any]:
        return objects(self.store), tracked(self.night.folder / "mlflow.db")

    def check(self, task: Task) -> None:
        """Check that everything is as the undisturbed night had it after a task."""
        found, wanted = self.now(), self.after[task]
        assert found[0] == wanted[0], task
        assert found[1] == wanted[1], task
        if task.stage != "plan":
            assert_nothing_half_written(self.store, f"{NAME}/")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Home:
    folder = tmp_path_factory.mktemp("killed_stages")
    (folder / "home").mkdir()
    copy_prepared(prepared_tracking, folder / "home")
    night = WholeNight(folder / "home")
    night.deliver()
    undisturbed = Home(folder, night)
    undisturbed.play()
    result = undisturbed.results[Task("promote")]
    assert isinstance(result, PromoteResult)
    assert result.verdict == "PROMOTE"
    runs = tracked(night.folder / "mlflow.db")["runs"]
    assert [run[2] for run in runs] == ["FINISHED"] * len(night.project.candidates)
    return undisturbed


@pytest.mark.parametrize("stage", KILLS)
def test_a_stage_killed_at_random_moments_is_healed_by_the_next_try(home: Home, stage: str) -> None:
    chance = random.Random(f"{SEED} {stage}")
    tasks = [task for task in home.seconds if task.stage == stage]
    landed = 0
    while landed < KILLS[stage]:
        task = chance.choice(tasks)
        home.back_to(task)
        for _ in range(IN_A_ROW):
            moment = chance.uniform(0, home.seconds[task])
            if not Attempt(home.night.run, task, environ=ENVIRON).kill_after(moment):
                break
            landed += 1
        result = Attempt(home.night.run, task, environ=ENVIRON).result()
        if stage in ("evaluate", "promote"):
            assert result == home.results[task]
        home.check(task)
    print(f"{stage}: {landed} kills landed")


def _die_after_a_write(night: WholeNight, task: Task, journal: Path) -> Any:
    with written_down(journal, die=True):
        return night.run(task)


def test_a_night_killed_after_each_of_its_writes_ends_as_an_undisturbed_one(home: Home, tmp_path: Path) -> None:
    home.back_to(Task("plan"))
    night, journal = home.night, tmp_path / "journal"
    night.results.clear()
    deaths: dict[str, int] = {}
    for task in night.tasks():
        while (attempt := Attempt(_die_after_a_write, night, task, journal, environ=ENVIRON)).was_killed():
            deaths[task.stage] = deaths.get(task.stage, 0) + 1
        night.results[task] = attempt.result()
        home.check(task)
    print(deaths)
    assert sum(deaths.values()) == len(journal.read_text().splitlines())
    entries = Ledger(home.store, NAME).entries()
    assert [(entry.number, entry.kind, entry.verdict) for entry in entries] == [
        (1, "decision", "PROMOTE"),
        (2, "promotion", "PROMOTE"),
    ]
    assert home.store.exists(keys.release_pointer(NAME))


def test_what_killed_writers_left_is_swept_away(home: Home) -> None:
    task = Task("ingest")
    home.back_to(task)
    left = home.store.root / NAME / "raw" / "date=2024-03-06"
    left.mkdir(parents=True, exist_ok=True)
    torn = left / f"{TEMPORARY}killed"
    torn.write_bytes(b"half of it")
    os.utime(torn, (0, 0))
    home.store.probe()
    assert not torn.exists()
