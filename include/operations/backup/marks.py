"""Tell commit marks from the objects they name, and say in which order marks are read and put back."""

from __future__ import annotations

import re

from pydantic import ValidationError

from include.io.manifests import FileRef, Manifest

# after any prefix: a namespace's projects are backed up like all others
_POINTER = re.compile(r".+/releases/champion\.json")
_ENTRY = re.compile(r"(?P<project>.+)/ledger/(?P<number>\d{8})\.json")
_MANIFEST = re.compile(r".+/manifest\.json")
# what refers comes before what it refers to; whatever is not listed here comes first
_REFERRING = ("/releases/", "/predictions/", "/models/", "/features/", "/validation/", "/raw/")


def is_history(key: str) -> bool:
    """Tell whether a key is a ledger entry or the pointer to a release: what all the rest follows from."""
    return bool(_POINTER.fullmatch(key) or _ENTRY.fullmatch(key))


def is_mark(key: str) -> bool:
    """Tell whether a key is a commit mark: written last, after everything that it names."""
    return is_history(key) or bool(_MANIFEST.fullmatch(key))


def ledger_of(key: str) -> tuple[str, int] | None:
    """Return the project and the number of a ledger entry's key, None for any other."""
    match = _ENTRY.fullmatch(key)
    return (match["project"], int(match["number"])) if match else None


def reading_order(key: str) -> tuple[int, str]:
    """Sort marks so that each is read before those it refers to: pointers, ledgers, then manifests by kind."""
    if _POINTER.fullmatch(key):
        return -2, key
    if _ENTRY.fullmatch(key):
        return -1, key
    found = (number for number, folder in enumerate(_REFERRING, start=1) if folder in f"/{key}")
    return next(found, 0), key


def writing_order(key: str) -> tuple[int, str]:
    """Sort marks so that each is put back after those it refers to; a ledger's entries by number, pointers last."""
    return -reading_order(key)[0], key


def named_files(data: bytes) -> tuple[FileRef, ...]:
    """Return the files that a mark's bytes name; none for what is not a manifest of this version."""
    try:
        return tuple(Manifest.model_validate_json(data).files.values())
    except ValidationError:
        return ()
