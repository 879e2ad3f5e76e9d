"""Whatever follows from the ledger is compared with it and repaired from it; the ledger itself is only checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import pytest
from mlflow import MlflowClient

from include.domain.decision import Standing
from include.domain.errors import ArtifactDamagedError
from include.domain.results import Origin
from include.io import keys
from include.io.ledger import Ledger
from include.io.manifests import read_manifest, to_json
from include.io.releases import read_pointer
from include.io.tracking import Tracking
from include.io.tracking_database import busy_safe
from include.operations.champion import promote_version, roll_back
from include.operations.manual_action import ManualAction
from include.operations.reconcile import Reconciled, reconcile
from tests.support.killing import warm_context
from tests.support.model_nights import Nights
from tests.support.played_nights import entries, in_force

MakeAct = Callable[..., ManualAction]
ORIGIN = Origin(run_id="local-reconcile", triggered_by="ada")
MODEL, SIGNATURE, MANIFEST = "model.skops", "signature.json", "manifest.json"


def run(nights: Nights, *, dry_run: bool = False) -> Reconciled:
    return reconcile(nights.store, nights.tracking_url, "parcels", ORIGIN, dry_run=dry_run)


def files(nights: Nights, prefix: str = "parcels/releases/") -> dict[str, str]:
    """Return the sha256 of every object below a prefix, by key."""
    found = nights.store.list(prefix)
    return {info.key: hashlib.sha256(nights.store.get(info.key)).hexdigest() for info in found}


def test_nothing_is_touched_when_all_agree(nights: Nights) -> None:
    before = files(nights, "")
    told = run(nights)
    assert (told.entries, told.champion and told.champion.version, told.wrong, told.left) == (6, "2", (), ())
    assert files(nights, "") == before


@pytest.mark.parametrize("name", ["notes.txt", "00000002.json.bak", "3.json", "00000000.json", "old/00000001.json"])
def test_what_is_no_entry_stops_no_night_and_is_named(nights: Nights, name: str) -> None:
    nights.store.put(f"parcels/ledger/{name}", b"a note")
    assert Ledger(nights.store, "parcels").length() == 6
    told = run(nights)
    assert told.champion is not None
    assert (
        told.wrong == told.left == (f"{nights.store.uri(f'parcels/ledger/{name}')} is no ledger entry: move it away",)
    )


def _behind(nights: Nights, act: MakeAct) -> None:
    old = read_pointer(nights.store, "parcels")
    assert old is not None
    roll_back(act())
    nights.store.put(keys.release_pointer("parcels"), to_json(old))


def _ahead(nights: Nights, act: MakeAct) -> None:
    roll_back(act())
    # the ledger was restored from a backup of before the rollback
    nights.store.delete(keys.ledger_entry("parcels", len(entries(nights))))


def _without_pointer(nights: Nights, act: MakeAct) -> None:
    nights.store.delete(keys.release_pointer("parcels"))


def _damaged_pointer(nights: Nights, act: MakeAct) -> None:
    nights.store.put(keys.release_pointer("parcels"), b'{"version": ')


def _wrong_alias(nights: Nights, act: MakeAct) -> None:
    Tracking(nights.tracking_url, "parcels", "file:///unused").set_alias("champion", "3")


def _lost_model(nights: Nights, act: MakeAct) -> None:
    nights.store.delete(keys.release_file("parcels", "2", MODEL))


def _spoilt_model(nights: Nights, act: MakeAct) -> None:
    nights.store.put(keys.release_file("parcels", "2", MODEL), b"spoilt")
    nights.store.put(keys.release_file("parcels", "2", "decision.json"), b"spoilt")


def _lost_release(nights: Nights, act: MakeAct) -> None:
    for info in list(nights.store.list("parcels/releases/version=2/")):
        nights.store.delete(info.key)


def _damaged_manifest(nights: Nights, act: MakeAct) -> None:
    nights.store.put(keys.release_file("parcels", "2", MANIFEST), b"{")


def _lost_with_the_candidate(nights: Nights, act: MakeAct) -> None:
    champion = Ledger(nights.store, "parcels").champion()
    assert champion is not None
    for info in list(nights.store.list(f"parcels/models/{champion.candidate_id}/")):
        nights.store.delete(info.key)
    for name in (MODEL, SIGNATURE):
        nights.store.delete(keys.release_file("parcels", "2", name))


AHEAD = (
    "release pointer: it is ahead of the ledger, at entry 7",
    "release pointer: version 1 instead of version 2",
    "MLflow alias champion: version 1 instead of version 2",
)
DAMAGES = [
    (_behind, ("release pointer: version 2 instead of version 1",), "1"),
    (_ahead, AHEAD, "2"),
    (_without_pointer, ("release pointer: nothing instead of version 2",), "2"),
    (_damaged_pointer, ("release pointer: it is damaged",), "2"),
    (_wrong_alias, ("MLflow alias champion: version 3 instead of version 2",), "2"),
    (_lost_model, ("release of version 2: model.skops is missing",), "2"),
    (
        _spoilt_model,
        (
            "release of version 2: model.skops is not what was published",
            "release of version 2: decision.json is not what was published",
        ),
        "2",
    ),
    (_lost_release, ("release of version 2: its manifest is missing",), "2"),
    (_damaged_manifest, ("release of version 2: its manifest is damaged",), "2"),
    (
        _lost_with_the_candidate,
        ("release of version 2: model.skops is missing", "release of version 2: signature.json is missing"),
        "2",
    ),
]


@pytest.mark.parametrize(("damage", "wrong", "champion"), DAMAGES, ids=[case[0].__name__[1:] for case in DAMAGES])
def test_every_damage_is_told_and_repaired(
    nights: Nights,
    act: MakeAct,
    damage: Callable[[Nights, MakeAct], None],
    wrong: tuple[str, ...],
    champion: str,
) -> None:
    whole = files(nights, "parcels/releases/version=2/")
    damage(nights, act)
    before = files(nights, "")
    assert run(nights, dry_run=True).left == wrong
    assert files(nights, "") == before
    told = run(nights)
    assert (told.wrong, told.left) == (wrong, ())
    assert in_force(nights) == (champion, champion, champion)
    found = files(nights, "parcels/releases/version=2/")
    manifest = keys.release_file("parcels", "2", MANIFEST)
    # a manifest that is written again says when and by whom; the files are those that were published
    assert {key: sha256 for key, sha256 in found.items() if key != manifest} == {
        key: sha256 for key, sha256 in whole.items() if key != manifest
    }
    assert run(nights).wrong == ()


def test_a_file_that_lies_beside_its_usual_place_is_repaired_there(nights: Nights, act: MakeAct) -> None:
    # what a writer that was killed long ago left in the way
    nights.store.put(keys.release_file("parcels", "3", MODEL), b"not what is published")
    promote_version(act(), "3")
    manifest = read_manifest(nights.store, keys.release_file("parcels", "3", MANIFEST))
    assert manifest is not None
    assert manifest.files[MODEL].key != keys.release_file("parcels", "3", MODEL)
    nights.store.delete(manifest.files[MODEL].key)
    told = run(nights)
    assert (told.wrong, told.left) == (("release of version 3: model.skops is missing",), ())


def test_what_nothing_holds_any_more_is_left_and_told(nights: Nights, act: MakeAct) -> None:
    _lost_with_the_candidate(nights, act)
    _wrong_alias(nights, act)
    for info in list(nights.store.list("parcels/mlflow/")):
        nights.store.delete(info.key)
    told = run(nights)
    assert "nothing holds the bytes of model.skops any more; got: looked at" in told.left[0]
    assert told.left[1:] == (
        "release of version 2: model.skops is missing",
        "release of version 2: signature.json is missing",
    )
    # the rest is repaired all the same
    assert in_force(nights) == ("2", "2", "2")


def test_a_release_that_no_manifest_describes_is_not_guessed(nights: Nights, act: MakeAct) -> None:
    _lost_release(nights, act)
    _lost_with_the_candidate(nights, act)
    told = run(nights)
    assert "no manifest says which bytes it had" in told.left[0]
    assert not nights.store.exists(keys.release_file("parcels", "2", MANIFEST))


def test_a_pointer_without_a_ledger_is_told_and_left(nights: Nights) -> None:
    for info in list(nights.store.list(keys.ledger_prefix("parcels"))):
        nights.store.delete(info.key)
    told = run(nights)
    assert told.left == told.wrong
    assert told.wrong == (
        "the ledger has no champion; restore the ledger, or remove what names one",
        "release pointer: version 2 instead of nothing",
        "MLflow alias champion: version 2 instead of nothing",
    )


def test_a_project_that_never_ran_agrees(nights: Nights) -> None:
    told = reconcile(nights.store, nights.tracking_url, "other", ORIGIN)
    assert (told.entries, told.champion, told.wrong, told.left) == (0, None, (), ())


def test_a_ledger_that_was_changed_by_hand_repairs_nothing(nights: Nights) -> None:
    _damaged = entries(nights)[3].model_copy(update={"standing": Standing(champion=2, barred=("c9",))})
    nights.store.put(keys.ledger_entry("parcels", 4), to_json(_damaged))
    nights.store.delete(keys.release_pointer("parcels"))
    with pytest.raises(ArtifactDamagedError) as refused:
        run(nights)
    assert str(refused.value) == (
        f"{nights.store.uri('parcels/ledger/00000004.json')}: the entry does not follow from those before it; "
        "got: entry 4 of parcels: previous 2, champion 2, pin 0, barred c9; "
        "allowed: entry 4 of parcels: previous 2, champion 4, pin 0, barred none; "
        "hint: it was changed by hand, or an entry before it was; restore the ledger from a backup"
    )
    assert read_pointer(nights.store, "parcels") is None


def test_a_rollback_to_nothing_in_the_ledger_is_told(nights: Nights, act: MakeAct) -> None:
    roll_back(act())
    forged = entries(nights)[-1].model_copy(update={"version": "3"})
    nights.store.put(keys.ledger_entry("parcels", 7), to_json(forged))
    with pytest.raises(ArtifactDamagedError, match=r"00000007.json: version 3 of parcels is no champion that a roll"):
        run(nights)


def _train_and_die(url: str, root: str) -> None:
    Tracking(url, "parcels", root).start("killed", "killed", {})
    # as a kill does: nothing of the process ends in order
    os._exit(0)


def test_the_run_of_a_killed_training_is_closed(nights: Nights) -> None:
    root = nights.store.uri(keys.tracking_artifacts("parcels"))
    child = warm_context().Process(target=_train_and_die, args=(nights.tracking_url, root))
    child.start()
    child.join(60)
    client = MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))
    (experiment,) = client.search_experiments(filter_string="name = 'parcels'")
    (open_run,) = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
    assert run(nights, dry_run=True).closed == ()
    told = run(nights)
    assert (told.closed, told.wrong) == ((open_run.info.run_id,), ())
    ended = client.get_run(open_run.info.run_id)
    assert ended.info.status == "FAILED"
    assert "closed by reconcile by ada" in ended.data.tags["failure"]
    assert run(nights).closed == ()


def test_a_gap_in_the_ledger_is_told(nights: Nights) -> None:
    nights.store.delete(keys.ledger_entry("parcels", 3))
    with pytest.raises(ArtifactDamagedError, match="entry 3 is missing, or another object is in its place"):
        run(nights)
