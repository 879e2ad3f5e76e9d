"""Prove that a release can be served: every file is the one that was published, the model loads, and it scores."""

from __future__ import annotations

import numpy as np
import pandas as pd

from include.config.decision import LedgerEntry
from include.config.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    EvaluationError,
    ObjectMissingError,
)
from include.io import keys
from include.io.manifests import FileRef, Manifest, get_file, read_manifest
from include.io.object_store import ObjectStore
from include.io.releases import MANIFEST
from include.ml.signature import Signature
from include.stages.candidates import DECISION, MODEL, SIGNATURE, TRAINING, load_from
from include.stages.champions import check_release

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
