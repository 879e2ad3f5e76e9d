"""A part of MLflow or of the ledger is lost: afterwards all name the same candidate, or the night refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from include.domain.errors import ActRefusedError, ArtifactDamagedError, UnknownChampionError
from include.domain.results import Origin
from include.io import keys
from include.io.ledger import Ledger
from include.io.releases import read_pointer
from include.io.tracking_database import busy_safe, prepare_tracking
from include.operations.champion import pin, promote_version, roll_back
from include.operations.manual_action import ManualAction
from include.operations.reconcile import Reconciled, reconcile
from tests.support.model_nights import Nights, make_project
from tests.support.played_nights import LAX, STRONG, day
from tests.support.tracking import copy_prepared

MakeAct = Callable[..., ManualAction]
Damage = Callable[[Nights, Path], None]


def client_of(nights: Nights) -> MlflowClient:
    url = busy_safe(nights.tracking_url)
    return MlflowClient(url, url)


def names(nights: Nights) -> tuple[str | None, str | None, str | None]:
    """Return the candidate in force by ledger, pointer and alias."""
    champion = Ledger(nights.store, "parcels").champion()
    pointer = read_pointer(nights.store, "parcels")
    aliases = client_of(nights).get_registered_model("parcels").aliases
    version = aliases.get("champion")
    alias = client_of(nights).get_model_version("parcels", version).tags.get("candidate_id") if version else None
    return champion and champion.candidate_id, pointer and pointer.candidate_id, alias


def versions(nights: Nights) -> dict[str, set[str]]:
    """Return by version of the ledger the candidates that its entries name."""
    found: dict[str, set[str]] = {}
    for entry in Ledger(nights.store, "parcels").entries():
        found.setdefault(entry.version, set()).add(entry.candidate_id)
    return found


def registered(nights: Nights) -> dict[str, str]:
    """Return the candidate of each version of MLflow, as the ledger numbers it."""
    found = client_of(nights).search_model_versions("name = 'parcels'")
    return {one.tags.get("ledger_version", str(one.version)): one.tags["candidate_id"] for one in found}


def set_right(nights: Nights, *, dry_run: bool = False) -> Reconciled:
    origin = Origin(run_id="local-reconcile", triggered_by="ada")
    return reconcile(nights.store, nights.tracking_url, "parcels", origin, dry_run=dry_run)


def contents(nights: Nights, prefix: str) -> dict[str, bytes]:
    return {info.key: nights.store.get(info.key) for info in nights.store.list(prefix)}


def _database_lost(nights: Nights, prepared: Path) -> None:
    for path in nights.folder.glob("mlflow.db*"):
        path.unlink()


def _database_of_yesterday(nights: Nights, prepared: Path) -> None:
    """Put back a database that only knows the first night."""
    client = client_of(nights)
    kept = client.get_model_version("parcels", "1")
    _database_lost(nights, prepared)
    prepare_tracking(nights.tracking_url)
    client = client_of(nights)
    experiment = client.create_experiment("parcels", nights.store.uri("parcels/mlflow"))
    client.create_registered_model("parcels")
    run = client.create_run(experiment, tags={"candidate_id": kept.tags["candidate_id"]})
    client.set_terminated(run.info.run_id, "FINISHED")
    made = client.create_model_version("parcels", "somewhere", run.info.run_id, tags=kept.tags)
    client.set_registered_model_alias("parcels", "champion", made.version)


def _model_deleted(nights: Nights, prepared: Path) -> None:
    client_of(nights).delete_registered_model("parcels")


def _champion_deleted(nights: Nights, prepared: Path) -> None:
    client_of(nights).delete_model_version("parcels", "2")


def _newest_deleted(nights: Nights, prepared: Path) -> None:
    client_of(nights).delete_model_version("parcels", "4")


MLFLOW_LOSSES = [_database_lost, _database_of_yesterday, _model_deleted, _champion_deleted, _newest_deleted]


@pytest.mark.parametrize("lose", MLFLOW_LOSSES, ids=[lose.__name__[1:] for lose in MLFLOW_LOSSES])
def test_what_mlflow_lost_is_registered_again(played_nights: Nights, prepared_tracking: Path, lose: Damage) -> None:
    nights = played_nights
    before, store = registered(nights), contents(nights, "parcels/ledger/")
    lose(nights, prepared_tracking)
    assert set_right(nights, dry_run=True).wrong
    told = set_right(nights)
    assert told.left == ()
    assert any("MLflow" in words for words in told.wrong)
    assert set(names(nights)) == {told.champion and told.champion.candidate_id}
    assert registered(nights) == before
    assert contents(nights, "parcels/ledger/") == store
    assert set_right(nights).wrong == ()


@pytest.mark.parametrize("lose", MLFLOW_LOSSES, ids=[lose.__name__[1:] for lose in MLFLOW_LOSSES])
def test_a_night_after_a_loss_gives_no_number_twice(
    played_nights: Nights, prepared_tracking: Path, lose: Damage
) -> None:
    nights = played_nights
    lose(nights, prepared_tracking)
    result = nights.night(day(6))
    assert result.verdict in ("PROMOTE", "HOLD")
    in_ledger = versions(nights)
    # a number that was given out and deleted is not given out again
    new = "6" if lose is _newest_deleted else "5"
    assert {version: len(candidates) for version, candidates in in_ledger.items()} == dict.fromkeys("1234" + new, 1)
    assert len(set(names(nights))) == 1
    shown = registered(nights)
    assert {version: {candidate} for version, candidate in shown.items()}.items() <= in_ledger.items()
    assert new in shown
    assert set_right(nights).left == ()


def test_a_candidate_that_is_judged_again_keeps_the_version_of_the_ledger(
    played_nights: Nights, prepared_tracking: Path
) -> None:
    nights = played_nights
    _champion_deleted(nights, prepared_tracking)
    # the champion's own night, again: MLflow numbers it 5
    assert nights.night(day(2), "again").reason == "the challenger is champion 2 itself: a tie"
    assert all(len(candidates) == 1 for candidates in versions(nights).values())
    assert set(versions(nights)) == set("1234")
    assert len(set(names(nights))) == 1


def _emptied(nights: Nights) -> None:
    shutil.rmtree(nights.folder / "store")


def _without_ledger(nights: Nights) -> None:
    for info in list(nights.store.list(keys.ledger_prefix("parcels"))):
        nights.store.delete(info.key)


def _without_newest(nights: Nights) -> None:
    """Lose the promotion of the champion, and what came after it."""
    for number in (6, 5, 4):
        nights.store.delete(keys.ledger_entry("parcels", number))


def _without_newest_and_pointer(nights: Nights) -> None:
    _without_newest(nights)
    nights.store.delete(keys.release_pointer("parcels"))


def _alias_of_nobody(nights: Nights) -> None:
    client_of(nights).set_registered_model_alias("parcels", "champion", "3")


LEDGER_LOSSES = [_emptied, _without_ledger, _without_newest, _without_newest_and_pointer, _alias_of_nobody]


@pytest.mark.parametrize("lose", LEDGER_LOSSES, ids=[lose.__name__[1:] for lose in LEDGER_LOSSES])
def test_a_night_refuses_beside_a_champion_that_the_ledger_does_not_know(
    played_nights: Nights, act: MakeAct, lose: Callable[[Nights], None]
) -> None:
    nights = played_nights
    evaluated = nights.evaluate(day(6), "before")
    lose(nights)
    before = contents(nights, "parcels/ledger/"), contents(nights, "parcels/releases/"), registered(nights)
    alias = client_of(nights).get_registered_model("parcels").aliases
    acts: list[Callable[[], Any]] = [lambda: nights.evaluate(day(6), "after")]
    if lose is not _emptied:
        acts.append(lambda: nights.promote(day(6), evaluated, "before"))
    for refused in acts:
        with pytest.raises(UnknownChampionError) as error:
            refused()
        for part in ("./nightshift reconcile parcels", "NIGHTSHIFT_STORE_URL"):
            assert part in str(error.value)
        assert not error.value.retryable
    assert before == (contents(nights, "parcels/ledger/"), contents(nights, "parcels/releases/"), registered(nights))
    assert client_of(nights).get_registered_model("parcels").aliases == alias
    if lose is _alias_of_nobody:
        return
    for by_hand in (lambda: roll_back(act()), lambda: promote_version(act(), "3"), lambda: pin(act())):
        with pytest.raises((UnknownChampionError, ActRefusedError)):
            by_hand()
    assert before[:2] == (contents(nights, "parcels/ledger/"), contents(nights, "parcels/releases/"))


def test_a_gap_in_the_ledger_stops_a_night(played_nights: Nights) -> None:
    played_nights.store.delete(keys.ledger_entry("parcels", 3))
    with pytest.raises(ArtifactDamagedError, match="entry 3 is missing"):
        played_nights.evaluate(day(6))


def test_reconcile_puts_the_ledgers_champion_in_force_where_entries_were_lost(played_nights: Nights) -> None:
    nights = played_nights
    _without_newest(nights)
    told = set_right(nights, dry_run=True)
    assert "release pointer: it is ahead of the ledger, at entry 4" in told.wrong
    assert told.champion is not None and told.champion.version == "1"
    assert set_right(nights).left == ()
    assert set(names(nights)) == {told.champion.candidate_id}
    assert nights.night(day(6)).verdict == "PROMOTE"


def test_projects_and_namespaces_beside_it_are_no_unknown_champions(
    played_nights: Nights, tmp_path: Path, prepared_tracking: Path
) -> None:
    # the same database, another store and another namespace: a champion of its own
    other = Nights(tmp_path / "other", make_project(tmp_path, candidates=STRONG, gates=LAX))
    other.folder.mkdir()
    copy_prepared(prepared_tracking, other.folder)
    assert other.night(day(1)).verdict == "PROMOTE"
    assert other.night(day(1) + timedelta(days=1)).verdict in ("PROMOTE", "HOLD")
