"""Kill a whole `./nightshift run`, or only its scheduler, all through a night: the next run heals what was left.

In another home the same night is played undisturbed. At the end both hold the same data, features, models and decision;
compared by sha256 but for what holds an address, a moment or an id drawn by Airflow or MLflow (manifests, the ledger,
MLflow's own files): of those the content is compared.
"""

from __future__ import annotations

import hashlib
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.io.champion_alias import differences, tracking_of
from include.io.ledger import Ledger, read_decision
from include.stack.state_directory import read_state
from tests.e2e.door import Door, copied_projects, edit, schedule_far_from_now, wait_for
from tests.stages.shop import assert_nothing_half_written
from tests.support.sizes import size
from tests.support.timeless import without_clock
from tests.support.tracked import tracked

pytestmark = pytest.mark.e2e

PROJECT = "telco_churn"
AS_OF = "2013-06-30"
NIGHT = ("run", PROJECT, "--as-of", AS_OF, "--window-days", "30")
LONGEST_SECONDS = 600
# what the command says when the night has come to where it is killed, and by how much later at most
PLACES = (
    ("starting Airflow", 6.0),
    ("reading the Dags", 2.0),
    ("plan: ", 1.0),
    ("ingest: ", 1.0),
    ("validate: ", 1.5),
    ("build_features: ", 1.0),
    ("train: ", 2.0),
    ("train: done", 0.5),
    ("evaluate: ", 0.7),
    ("promote: ", 0.3),
)
# of these, in turn the whole run and its scheduler
CHOSEN = size((0, 3, 8), tuple(range(len(PLACES))))
SEED = 20130630
# kept by content or by a fingerprint, and free of addresses, moments and ids
SAME = re.compile(r"/raw/.*\.parquet$|/features/.*\.parquet$|/models/.*/(model\.skops|signature\.json|training\.json)$")


@dataclass(frozen=True)
class Kill:
    """Say who is killed, and when."""

    whole: bool
    place: str
    later: float

    def __str__(self) -> str:
        return f"{'run' if self.whole else 'scheduler'} {self.later:.1f} s after '{self.place}'"


def kills() -> list[Kill]:
    """Return a kill for each chosen place, the whole run and its scheduler in turn, in the order of the night."""
    chance = random.Random(SEED)
    every = [Kill(number % 2 == 0, place, chance.uniform(0, most)) for number, (place, most) in enumerate(PLACES)]
    return [every[number] for number in CHOSEN]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied_projects(tmp_path_factory.mktemp("projects") / "projects", PROJECT)
    edit(folder / PROJECT / "project.yaml", schedule_far_from_now())
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, projects: Path) -> Door:
    """Return a home in which the night was played in peace."""
    door = Door(tmp_path_factory.mktemp("undisturbed"), NIGHTSHIFT_PROJECTS=str(projects))
    assert f"PROMOTE  decision 1 of {PROJECT}" in door(*NIGHT)
    return door


@pytest.fixture
def door(tmp_path: Path, projects: Path) -> Iterator[Door]:
    door = Door(tmp_path, NIGHTSHIFT_PROJECTS=str(projects))
    yield door
    door("down")


def kill_once(door: Door, kill: Kill) -> bool:
    """Start the night and kill as told; return whether the process was alive then, and the night not over."""
    with door.start(*NIGHT) as night:
        assert night.stdout is not None
        said = next((line for line in night.stdout if kill.place in line), "")
        time.sleep(kill.later)
        landed = bool(said) and night.poll() is None
        if landed and kill.whole:
            night.kill()
        elif landed:
            landed = kill_scheduler(door)
            # it ends what it started, and says why
            rest = night.communicate(timeout=LONGEST_SECONDS)[0]
            if landed:
                assert night.returncode == 1
                assert "scheduler: the program ended by itself" in rest
        night.kill()
    return landed


def kill_scheduler(door: Door) -> bool:
    state = read_state(door.home)
    found = [part for part in state.components if part.name == "scheduler"] if state is not None else []
    process = found[0].id.process() if found else None
    if process is None:
        return False
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return False
    return True


def same_objects(door: Door) -> dict[str, str]:
    store = door.store()
    keys = [info.key for info in store.list(f"{PROJECT}/") if SAME.search(info.key)]
    return {key: hashlib.sha256(store.get(key)).hexdigest() for key in keys}


def promoted(door: Door) -> dict[str, Any]:
    """Return the decision that made the champion, without what differs between two homes."""
    champion = door.ledger(PROJECT).champion()
    assert champion is not None
    decision = read_decision(door.store(), PROJECT, champion.decision_id)
    plain = {"tracking_run_id": "", "model_uri": ""}
    same = decision.model_copy(
        update={
            "challenger": decision.challenger.model_copy(update=plain),
            "others": tuple(other.model_copy(update=plain) for other in decision.others),
        }
    )
    return without_clock(same.model_dump(mode="json", exclude={"made_at", "ledger_length", "origin"}))


def test_a_night_killed_at_several_places_ends_as_an_undisturbed_one(undisturbed: Door, door: Door) -> None:
    landed = [kill for kill in kills() if kill_once(door, kill)]
    print("; ".join(str(kill) for kill in landed))
    assert len(landed) == len(CHOSEN)

    door(*NIGHT)

    assert door.living() == []
    assert same_objects(door) == same_objects(undisturbed)
    assert promoted(door) == promoted(undisturbed)
    assert_nothing_half_written(door.store(), f"{PROJECT}/")
    entries = Ledger(door.store(), PROJECT).entries()
    assert Counter(entry.kind for entry in entries)["promotion"] == 1
    assert {entry.verdict for entry in entries} <= {"PROMOTE", "HOLD"}
    url = f"sqlite:///{door.home / 'mlflow' / 'mlflow.db'}"
    tracking = tracking_of(door.store(), PROJECT, url)
    assert differences(door.store(), tracking, door.ledger(PROJECT).champion(), PROJECT) == []
    found = tracked(door.home / "mlflow" / "mlflow.db")
    assert "RUNNING" not in {run[2] for run in found["runs"]}
    assert len(found["versions"]) == 1


def test_a_night_on_a_running_stack_whose_scheduler_dies_says_so_and_the_next_one_runs(
    undisturbed: Door,
) -> None:
    undisturbed.up()
    try:
        with undisturbed.start(*NIGHT) as night:
            assert night.stdout is not None
            assert next((line for line in night.stdout if "plan: " in line), "")
            assert kill_scheduler(undisturbed)
            rest = night.communicate(timeout=LONGEST_SECONDS)[0]
        assert night.returncode == 1
        assert "scheduler: the program ended by itself" in rest
        wait_for("the dead stack to be known as such", lambda: not undisturbed.state().alive())
        assert re.search(rf"^HOLD  decision \d+ of {PROJECT}", undisturbed(*NIGHT), re.MULTILINE)
    finally:
        undisturbed("down")
    assert undisturbed.living() == []
