"""Prove that a release can be served, and make one whole again from what else holds its bytes."""

from __future__ import annotations

import hashlib
import logging

import numpy as np
import pandas as pd

from include.domain.decision import Decision, LedgerEntry
from include.domain.errors import ArtifactDamagedError, ChecksumMismatchError, EvaluationError, ObjectMissingError
from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.manifests import FileRef, Manifest, get_file, read_manifest
from include.io.models import DECISION, MODEL, SIGNATURE, TRAINING, check_release, load_from
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST, release_sha256
from include.ml.signature import Signature
from include.stages.promote import publish_files

FILES = (MODEL, SIGNATURE, TRAINING, DECISION)


def prove_release(store: ObjectStore, entry: LedgerEntry) -> Manifest:
    """Check all files of a release, load its model, let it score one row of missing values; return its manifest.

    Args:
        store: Holds it.
        entry: Names version and candidate, and the manifest's sha256 where it put the release in force.

    Raises:
        ObjectMissingError: The release, or a file of it, is gone.
        ArtifactDamagedError: Its manifest is not one of this version, names other files or another candidate.
        ChecksumMismatchError: A file is not the one that was published.
        ModelUntrustedError: The model holds types outside the allow-list.
        EvaluationError: The model does not answer with a probability.
    """
    project, version, candidate_id = entry.project, entry.version, entry.candidate_id
    manifest = release_manifest(store, project, version)
    if manifest is None:
        raise ObjectMissingError(_address(store, project, version), "there is no such release")
    if manifest.fingerprint != candidate_id:
        raise ArtifactDamagedError(
            _address(store, project, version),
            "the release is of another candidate than the ledger says",
            got=manifest.fingerprint,
            allowed=(candidate_id,),
            hint="versions are counted by MLflow: was its database replaced?",
        )
    check_release(store, entry)
    for ref in manifest.files.values():
        get_file(store, ref)
    model = load_from(store, manifest)
    answer = model.score(row_of_missing_values(model.signature))
    if not (answer.shape == (1,) and 0 <= answer[0] <= 1):
        raise EvaluationError(
            _address(store, project, version),
            "the model does not answer a row of missing values with a probability",
            got=np.array2string(answer),
            allowed=("0 to 1",),
        )
    return manifest


def release_manifest(store: ObjectStore, project: str, version: str) -> Manifest | None:
    """Return a release's manifest, or None when there is none.

    Raises:
        ArtifactDamagedError: It is not a manifest of this version, or does not name the files that serving loads.
    """
    manifest = read_manifest(store, keys.release_file(project, version, MANIFEST))
    if manifest is not None and set(manifest.files) != set(FILES):
        raise ArtifactDamagedError(
            _address(store, project, version),
            "the manifest names other files than those of a release",
            got=", ".join(sorted(manifest.files)),
            allowed=FILES,
        )
    return manifest


def find_damage(store: ObjectStore, entry: LedgerEntry) -> list[str]:
    """Return in words which parts of an entry's release are missing or damaged; empty when all are as published."""
    try:
        manifest = release_manifest(store, entry.project, entry.version)
        if manifest is None:
            return ["its manifest is missing"]
        check_release(store, entry)
    except ArtifactDamagedError:
        return ["its manifest is damaged"]
    except ChecksumMismatchError:
        return ["its manifest is not what was put in force"]
    found = [_damage(store, name, manifest.files[name]) for name in FILES]
    return [words for words in found if words]


def row_of_missing_values(signature: Signature) -> pd.DataFrame:
    """Return one row that a model must be able to score: nothing in it is known."""
    return pd.DataFrame(
        {
            feature.name: pd.Series([None if feature.kind == "categorical" else np.nan], dtype=feature.dtype)
            for feature in signature.features
        }
    )


def _damage(store: ObjectStore, name: str, ref: FileRef) -> str:
    try:
        get_file(store, ref)
    except ObjectMissingError:
        return f"{name} is missing"
    except ChecksumMismatchError:
        return f"{name} is not what was published"
    return ""


def _address(store: ObjectStore, project: str, version: str) -> str:
    return store.uri(keys.release_file(project, version, MANIFEST))


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
