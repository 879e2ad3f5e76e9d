"""Put the objects of a backup back into an empty store: data first, marks last, so that a kill leaves no half night.

The same file again goes on where it was: an object that is there with the same bytes is left, and the ledgers come
last but for the pointers, so nothing looks like a champion before all it needs is there.
"""

from __future__ import annotations

import hashlib

from include.domain.errors import BackupError, ObjectMissingError, SettingsError
from include.io.object_store import ObjectStore
from include.operations.backup.archive import ArchiveReader, Part, writing_order
from include.operations.backup.copying import Progress

# where source systems deliver: not what nights wrote
LANDING = "landing/"


def check_whole(archive: ArchiveReader, progress: Progress = lambda done, total, size: None) -> None:
    """Read a backup from end to end.

    Raises:
        BackupError: A part has other bytes than were written.
    """
    parts, size = archive.contents.parts, 0
    for number, part in enumerate(parts, start=1):
        archive.check(part)
        size += part.size
        progress(number, len(parts), size)


def check_empty(store: ObjectStore, archive: ArchiveReader, *, begun: bool) -> None:
    """Refuse a store that holds what nights wrote.

    Args:
        store: Where the backup is to be restored.
        archive: The backup.
        begun: Whether a restore of this backup was interrupted here: what is of the backup may be there then.

    Raises:
        SettingsError: The store holds an object that is neither a source's delivery nor, once begun, the backup's.
    """
    sizes = {part.name: part.size for part in archive.contents.of_kind("mark", "object")} if begun else {}
    for one in store.list():
        if one.key.startswith(LANDING) or sizes.get(one.key) == one.size:
            continue
        raise SettingsError(
            store.url,
            "a backup is restored into an empty store only",
            got=one.key,
            hint="restore into a new home or stack"
            if not begun
            else "a night has written here since the restore was interrupted; begin again with an empty store",
        )


def restore_objects(
    store: ObjectStore, archive: ArchiveReader, progress: Progress = lambda done, total, size: None
) -> int:
    """Write all objects, then all marks, and return how many bytes they are.

    Raises:
        BackupError: A part is damaged, or an object is there with other bytes.
        StoreError: The store does not answer; the same again goes on from here.
    """
    objects = archive.contents.of_kind("object")
    marks = sorted(archive.contents.of_kind("mark"), key=lambda part: writing_order(part.name))
    there = {one.key: one.size for one in store.list()}
    size = 0
    for number, part in enumerate((*objects, *marks), start=1):
        data = archive.read(part)
        if part.name not in there or not _is_there(store, part):
            store.put(part.name, data)
        size += part.size
        progress(number, len(objects) + len(marks), size)
    return size


def _is_there(store: ObjectStore, part: Part) -> bool:
    """Tell whether an object is in the store as it was; a source's other delivery gives way to the backup's.

    Raises:
        BackupError: It has other bytes.
    """
    try:
        found = hashlib.sha256(store.get(part.name)).hexdigest()
    except ObjectMissingError:
        return False
    if found != part.sha256 and not part.name.startswith(LANDING):
        raise BackupError(
            store.uri(part.name),
            "another object is in its place",
            got=f"sha256 {found}",
            allowed=(f"sha256 {part.sha256}",),
            hint="a night has written here since; begin again with an empty store",
        )
    return found == part.sha256
