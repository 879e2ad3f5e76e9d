"""Keep objects as plain files in a folder, with the same promises as S3, for the processes of one machine.

A write goes to a temporary file beside its place, is flushed to disk and then linked or renamed, so a reader sees the
old bytes or the new ones. Create-only is a hard link, which fails when the name exists. Compare-and-set holds a file
lock that the kernel frees when the process dies. An ETag is the sha256 of the content. A key cannot be a file and a
folder at once: `a` and `a/b` do not coexist.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from include.domain.errors import (
    ObjectMissingError,
    PreconditionFailedError,
    SettingsError,
    StoreError,
    StoreRefusedError,
)
from include.io.object_store import (
    RESERVED,
    Listed,
    ObjectInfo,
    ObjectStore,
    StoredObject,
    check_key,
    check_prefix,
    key_order,
    probe_conditions,
)

TEMPORARY = f"{RESERVED}tmp-"
LOCKS = f"{RESERVED}locks"
LOCK_STRIPES = 256
STALE_TEMPORARY_SECONDS = 3600
CREATE_ATTEMPTS = 50

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {
    errno.EACCES: "not permitted",
    errno.EPERM: "not permitted",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the key is an object, so nothing can be inside it",
    errno.EISDIR: "the key is a folder of other keys, so it cannot be an object",
    errno.ENAMETOOLONG: "the path is too long for this file system",
}

_log = logging.getLogger(__name__)


class LocalStore(ObjectStore):
    """Read and write whole objects under a folder; see the module for how the promises are kept."""

    def __init__(self, url: str) -> None:
        """Open the folder; it is made by the first write.

        Raises:
            SettingsError: The URL is not `file://` and an absolute path.
        """
        path = url.removeprefix("file://")
        if path == url or not path.startswith("/"):
            raise SettingsError(
                "the object store's URL", "an absolute folder is needed", got=url, allowed=("file:///folder",)
            )
        self.root = Path(path)
        self.url = f"file://{self.root}"

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> ObjectInfo:
        """Write an object atomically and durably (see `ObjectStore.put`)."""
        if if_absent and if_match is not None:
            raise ValueError("if_absent and if_match exclude each other")
        path = self._path(key)
        with self._failures(key):
            if if_absent and path.is_file():
                raise self._exists(key)
            temporary = _write_temporary(path.parent, data)
            try:
                if if_absent:
                    self._create(key, temporary, path)
                else:
                    self._replace(key, temporary, path, if_match)
            finally:
                temporary.unlink(missing_ok=True)
            _flush_folder(path.parent)
        return ObjectInfo(key, len(data), _etag(data))

    def read(self, key: str) -> StoredObject:
        """Return an object with its ETag."""
        path = self._path(key)
        with self._failures(key), self._missing(key):
            data = path.read_bytes()
        return StoredObject(data, _etag(data))

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from offset `start` (fewer at the end of the object)."""
        if start < 0 or length < 0:
            raise ValueError(f"start and length must not be negative, got {start} and {length}")
        path = self._path(key)
        with self._failures(key), self._missing(key), path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    def head(self, key: str) -> ObjectInfo | None:
        """Return an object's size and ETag, which reads its bytes, or None when the key holds nothing."""
        try:
            found = self.read(key)
        except ObjectMissingError:
            return None
        return ObjectInfo(key, len(found.data), found.etag)

    def exists(self, key: str) -> bool:
        """Tell whether the key holds an object, without reading it."""
        path = self._path(key)
        with self._failures(key):
            return path.is_file()

    def list(self, prefix: str = "") -> Iterator[Listed]:
        """Yield the objects whose key starts with `prefix`, in key order; none of them is read."""
        check_prefix(prefix)
        folder = prefix.rpartition("/")[0]
        with self._failures(prefix):
            there = _files(self.root / folder, f"{folder}/" if folder else "")
            found = sorted((one for one in there if one.key.startswith(prefix)), key=lambda one: key_order(one.key))
        yield from found

    def delete(self, key: str) -> None:
        """Delete an object, and folders that are empty then; deleting what is not there is no error."""
        path = self._path(key)
        with self._failures(key):
            if path.is_file():
                with self._lock(key):
                    path.unlink(missing_ok=True)
                _remove_empty(path.parent, self.root)

    def clear(self, folder: str) -> int:
        """Delete every object of a folder, and what a store that was opened on the folder itself left in it."""
        count = super().clear(folder)
        with self._failures(folder):
            shutil.rmtree(self.root / check_key(folder.rstrip("/")), ignore_errors=True)
        return count

    def probe(self) -> None:
        """Prove the conditions on this file system, and remove what killed writers left behind."""
        probe_conditions(self)
        with self._failures(""):
            _sweep(self.root, time.time() - STALE_TEMPORARY_SECONDS)

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _create(self, key: str, temporary: Path, path: Path) -> None:
        try:
            os.link(temporary, path)
        except FileExistsError as error:
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from error
            raise self._exists(key) from error

    def _replace(self, key: str, temporary: Path, path: Path, if_match: str | None) -> None:
        # unconditional writes take the lock too: one between a compare and its set would be lost
        with self._lock(key):
            if if_match is not None:
                current = _etag(path.read_bytes()) if path.is_file() else None
                if current != if_match:
                    found = "the object is gone" if current is None else f"ETag {current}"
                    raise PreconditionFailedError(
                        self.uri(key), "the object has changed since it was read", got=found, allowed=(if_match,)
                    )
            temporary.replace(path)

    def _exists(self, key: str) -> PreconditionFailedError:
        return PreconditionFailedError(self.uri(key), "a create-only write lost: the object exists")

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        folder = self.root / LOCKS
        folder.mkdir(parents=True, exist_ok=True)
        stripe = zlib.crc32(key.encode()) % LOCK_STRIPES
        handle = os.open(folder / f"{stripe:03d}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _missing(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectMissingError(self.uri(key), "the key holds no object") from error

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = self.uri(key)
            if error.errno in _NO_ROOM:
                raise StoreError(where, "no room on the disk", got=str(error), hint="free space, then retry") from error
            if error.errno in _REFUSED:
                raise StoreRefusedError(where, _REFUSED[error.errno], got=str(error)) from error
            raise StoreError(where, "the file system answered with an error", got=str(error)) from error


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_temporary(folder: Path, data: bytes) -> Path:
    temporary = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
    handle = _create_file(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _create_file(path: Path) -> int:
    """Open a new file, its folder made if need be: a delete may remove an empty folder at any moment."""
    for attempt in range(1, CREATE_ATTEMPTS + 1):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # 0o666 less the umask, as any other file; tempfile would make it readable by its owner alone
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError as error:
            # mkdir says so, too, of a folder that another writer made and a delete removed while it looked
            if path.parent.is_file() or attempt == CREATE_ATTEMPTS:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from error
        except FileNotFoundError:
            if attempt == CREATE_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _flush_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        # another process has deleted the object since, and its folder was empty then
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder that holds nothing any more, and those above it, up to the store's own."""
    with suppress(OSError):
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def _files(folder: Path, before: str) -> Iterator[Listed]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith(RESERVED):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(folder / entry.name, f"{before}{entry.name}/")
            continue
        # it may be deleted at this moment
        with suppress(FileNotFoundError):
            found = entry.stat()
            yield Listed(f"{before}{entry.name}", found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _sweep(root: Path, older_than: float) -> None:
    for temporary in root.rglob(f"{TEMPORARY}*"):
        with suppress(FileNotFoundError):
            if temporary.stat().st_mtime < older_than:
                temporary.unlink()
                _log.warning("removed %s, left by a writer that was killed", temporary)
