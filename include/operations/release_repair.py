"""Make a release whole again from what else holds its bytes: the trained candidate, or MLflow's copy.

Bytes are taken only when their sha256 is the one that a manifest names, so a repaired release is the one that was
published, byte for byte, wherever the bytes came from.
"""

from __future__ import annotations

import hashlib
import logging

from include.config.decision import Decision, LedgerEntry
from include.config.errors import ArtifactDamagedError, ChecksumMismatchError, ObjectMissingError
from include.io import keys
from include.io.decisions import read_decision
from include.io.ledger import Ledger
from include.io.manifests import Manifest, read_manifest
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST, release_sha256
from include.operations.release_check import find_damage, release_manifest
from include.stages.candidates import DECISION, MODEL, SIGNATURE, TRAINING
from include.stages.champions import check_release
from include.stages.promote import publish_files

_log = logging.getLogger(__name__)


def make_whole(store: ObjectStore, entry: LedgerEntry) -> list[str]:
    """Publish what a release lacks, and return in words what that was; a whole release is left as it is.

    Args:
        store: Holds releases, candidates and MLflow's copies.
        entry: Names version, candidate, decision and MLflow run, and the release's sha256 where it put it in force.

    Raises:
        ObjectMissingError: Nothing holds the right bytes of a file any more.
    """
    project, version = entry.project, entry.version
    damage = find_damage(store, entry)
    if not damage:
        return []
    published = _published(store, entry)
    if published is None:
        _publish_anew(store, entry)
    else:
        # a person may have promoted by a newer decision than the one that was published
        about = entry.model_copy(update={"decision_id": published.details.get("decision_id", entry.decision_id)})
        for name, ref in published.files.items():
            data = _bytes_of(store, name, ref.sha256, [ref.key, *_places(about, name)])
            store.put(ref.key, data)
    _log.info("the release of %s version %s was made whole: %s", project, version, "; ".join(damage))
    return damage


def _published(store: ObjectStore, entry: LedgerEntry) -> Manifest | None:
    """Return the manifest of a release; None when it is gone, damaged, or another one than was put in force."""
    try:
        check_release(store, entry)
        return release_manifest(store, entry.project, entry.version)
    except (ObjectMissingError, ArtifactDamagedError, ChecksumMismatchError):
        return None


def _publish_anew(store: ObjectStore, entry: LedgerEntry) -> None:
    """Publish a release whose manifest is gone: what the candidate's own manifest names is what was published.

    It holds the decision it was first published with, which may be another one about the same candidate: the sha256 in
    the ledger tells which.
    """
    key = keys.model_manifest(entry.project, entry.candidate_id)
    trained = _readable(store, key)
    if trained is None:
        raise ObjectMissingError(
            store.uri(key),
            f"the release of version {entry.version} cannot be published again: no manifest says which bytes it had",
            hint="restore the release or the candidate from a backup, or roll back to another version",
        )
    files = {
        name: _bytes_of(store, name, trained.files[name].sha256, _places(entry, name))
        for name in (MODEL, SIGNATURE, TRAINING)
    }
    # one that was in force must come out as it was; before the first time, what another writer left is not touched
    anew: tuple[str, ...] = (MANIFEST, DECISION) if entry.release_sha256 else (MANIFEST,)
    for name, data in files.items() if entry.release_sha256 else ():
        store.put(keys.release_file(entry.project, entry.version, name), data)
    for decision_id in _decisions_about(store, entry):
        decision = _decision(store, entry.model_copy(update={"decision_id": decision_id}))
        files[DECISION] = store.get(keys.decision(entry.project, decision_id))
        for name in anew:
            store.delete(keys.release_file(entry.project, entry.version, name))
        publish_files(store, decision, files)
        if entry.release_sha256 in ("", release_sha256(store, entry.project, entry.version)):
            return
    raise ChecksumMismatchError(
        store.uri(keys.release_file(entry.project, entry.version, MANIFEST)),
        "what the candidate's manifest names is not the release that was put in force",
        allowed=(f"sha256 {entry.release_sha256}, by ledger entry {entry.number}",),
        hint="restore the release or the candidate from a backup, or roll back to another version",
    )


def _decisions_about(store: ObjectStore, entry: LedgerEntry) -> list[str]:
    """Return the ids of the decisions about an entry's candidate, the entry's own first."""
    others = () if not entry.release_sha256 else Ledger(store, entry.project).entries()
    about = [one.decision_id for one in others if one.candidate_id == entry.candidate_id]
    return list(dict.fromkeys([entry.decision_id, *about]))


def _decision(store: ObjectStore, entry: LedgerEntry) -> Decision:
    decision = read_decision(store, entry.project, entry.decision_id)
    if decision.challenger.candidate_id != entry.candidate_id:
        raise ArtifactDamagedError(
            store.uri(keys.decision(entry.project, entry.decision_id)),
            f"the decision that ledger entry {entry.number} names is about another candidate",
            got=decision.challenger.candidate_id,
            allowed=(entry.candidate_id,),
        )
    return decision


def _readable(store: ObjectStore, key: str) -> Manifest | None:
    try:
        return read_manifest(store, key)
    except ArtifactDamagedError:
        return None


def _bytes_of(store: ObjectStore, name: str, sha256: str, places: list[str]) -> bytes:
    """Return a file's bytes from the first place that has them unchanged."""
    for key in places:
        try:
            data = store.get(key)
        except ObjectMissingError:
            continue
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
    raise ObjectMissingError(
        store.uri(places[0]),
        f"nothing holds the bytes of {name} any more",
        got=f"looked at {', '.join(dict.fromkeys(places))}",
        allowed=(f"sha256 {sha256}",),
        hint="restore it from a backup, or roll back to another version",
    )


def _places(entry: LedgerEntry, name: str) -> list[str]:
    project = entry.project
    release = keys.release_file(project, entry.version, name)
    if name == DECISION:
        return [release, keys.decision(project, entry.decision_id)]
    tracked = f"{keys.tracking_artifacts(project)}/{entry.tracking_run_id}/artifacts"
    copy = f"{tracked}/model/{name}" if name == MODEL else f"{tracked}/{name}"
    return [release, keys.model_file(project, entry.candidate_id, name), *([copy] if entry.tracking_run_id else [])]
