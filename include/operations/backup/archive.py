"""Write and read the file of a backup: a tar whose last part says where every other part is, and its sha256."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from pydantic import ValidationError

from include.domain.errors import BackupError, SettingsError
from include.domain.results import Receipt
from include.io.manifests import FileRef, Manifest

FORMAT = 1
PartKind = Literal["database", "mark", "object"]
Place = Literal["home", "docker"]


class Part(Receipt):
    """Be one thing that a backup holds.

    Attributes:
        kind: A database, a commit mark of the store, or any other object of it.
        name: The database's name, or the object's key.
        offset: Where its bytes begin in the file.
        stored: How many bytes it takes there.
        packed: Whether those are compressed by gzip.
        size: How many bytes it is.
        sha256: Of those, hexadecimal.
    """

    kind: PartKind
    name: str
    offset: int
    stored: int
    packed: bool
    size: int
    sha256: str


class BackupContents(Receipt):
    """Be the manifest of a backup: its last part, so that a file without it is known to be cut off.

    Attributes:
        format: Of the file.
        backup_id: Names this backup; a restore that was interrupted goes on only with the same one.
        place: Whose databases they are: SQLite files of a home, or dumps of the docker stack's PostgreSQL.
        commit: Nightshift's.
        versions: Of Airflow and MLflow, by name.
        store_url: Where the objects were.
        projects: What has a ledger, by the part of the key before it.
        ledger_entries: Of all projects together.
        notes: What was left out, and why.
    """

    format: Literal[1]
    backup_id: str
    made_at: datetime
    place: Place
    commit: str
    versions: dict[str, str]
    store_url: str
    projects: tuple[str, ...]
    ledger_entries: int
    notes: tuple[str, ...]
    parts: tuple[Part, ...]

    def of_kind(self, *kinds: PartKind) -> list[Part]:
        """Return the parts of some kinds, in the order of the file."""
        return [part for part in self.parts if part.kind in kinds]

    def database(self, name: str) -> Part | None:
        """Return a database's part, or None when the backup holds none of that name."""
        return next((part for part in self.of_kind("database") if part.name == name), None)


CONTENTS = "contents.json.gz"
CHUNK_BYTES = 1 << 20
PACKED_ALREADY = (".parquet", ".skops", ".png", ".gz", ".zip", ".dump")
# a smaller gain is not worth the work of unpacking
WORTH_PACKING = 0.9


class ArchiveWriter:
    """Append parts to a file that becomes the backup; see `new_archive`."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        self.folder = folder
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by finish

    def add(self, kind: PartKind, name: str, data: bytes) -> Part:
        """Append bytes that are in memory: one object of the store."""
        stored, packed = data, False
        if not name.endswith(PACKED_ALREADY):
            smaller = gzip.compress(data, 6, mtime=0)
            if len(smaller) < WORTH_PACKING * len(data):
                stored, packed = smaller, True
        offset = self._append(f"{kind}s/{name}", io.BytesIO(stored), len(stored))
        return Part(
            kind=kind,
            name=name,
            offset=offset,
            stored=len(stored),
            packed=packed,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def add_database(self, name: str, path: Path) -> Part:
        """Append a file, and remove it: the copy of a database, read piece by piece."""
        packed = path.suffix not in PACKED_ALREADY
        stored = path.with_name(f"{path.name}.gz") if packed else path
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source, stored.open("wb" if packed else "rb") as target:
            # one pass reads, counts and compresses
            sink = gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=6, mtime=0) if packed else None
            while piece := source.read(CHUNK_BYTES):
                digest.update(piece)
                size += len(piece)
                if sink is not None:
                    sink.write(piece)
            if sink is not None:
                sink.close()
        length = stored.stat().st_size
        with stored.open("rb") as file:
            offset = self._append(f"databases/{name}", file, length)
        for left in {path, stored}:
            left.unlink()
        return Part(
            kind="database",
            name=name,
            offset=offset,
            stored=length,
            packed=packed,
            size=size,
            sha256=digest.hexdigest(),
        )

    def finish(self, contents: BackupContents) -> None:
        """Append the list of what the file holds, and end it."""
        data = gzip.compress(contents.model_dump_json().encode(), 6, mtime=0)
        self._append(CONTENTS, io.BytesIO(data), len(data))
        self._tar.close()

    def _append(self, name: str, data: IO[bytes], size: int) -> int:
        """Return where the bytes begin."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, data)
        # tarfile remembers every member, and a store has many
        self._tar.members = []  # type: ignore[attr-defined]
        padded = -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        return self._tar.offset - padded


@contextmanager
def new_archive(path: Path, *, force: bool) -> Iterator[ArchiveWriter]:
    """Yield the writer of a backup file, readable by its owner alone; without `finish` nothing appears.

    Args:
        path: Where the file appears at the end.
        force: Replace a file that is there.

    Raises:
        SettingsError: The file exists, its folder does not, or another backup is writing it.
        BackupError: The disk is full, or refuses.
    """
    if path.exists() and not force:
        raise SettingsError(str(path), "the file exists", hint="choose another name, or replace it by --force")
    if not path.parent.is_dir():
        raise SettingsError(str(path), "there is no such folder", got=str(path.parent), hint="make it first")
    try:
        with _own_folder(path) as folder:
            partial = folder / "backup.tar"
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                yield ArchiveWriter(file, folder)
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(partial, path, force=force)
    except OSError as error:
        raise BackupError(str(path), "the file cannot be written", got=str(error), hint="is there room?") from error


class ArchiveReader:
    """Read a backup file.

    Raises:
        BackupError: The file is no backup, is cut off, or is of a newer format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise BackupError(str(path), "the file cannot be read", got=str(error)) from error
        try:
            self.contents = self._read_contents()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def check(self, part: Part) -> None:
        """Compare a part with its sha256; its bytes are read piece by piece.

        Raises:
            BackupError: They differ.
        """
        for _ in self._pieces(part):
            pass

    def read(self, part: Part) -> bytes:
        """Return a part's bytes, checked.

        Raises:
            BackupError: They are not those that were written.
        """
        return b"".join(self._pieces(part))

    def extract(self, part: Part, path: Path) -> None:
        """Write a part's bytes, checked, into a new file that its owner alone can read, and flush it to the disk."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in self._pieces(part):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def _pieces(self, part: Part) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        section = _Section(self._file, part.offset, part.stored)
        try:
            source: IO[bytes] = gzip.GzipFile(fileobj=section) if part.packed else section  # type: ignore[assignment]
            # more than was written is not read, whatever the file says
            while piece := source.read(min(CHUNK_BYTES, part.size - size + 1)):
                digest.update(piece)
                size += len(piece)
                yield piece
                if size > part.size:
                    break
        except (OSError, EOFError, zlib.error) as error:
            raise self._damaged(f"{part.kind} {part.name}: {error}") from error
        if (size, digest.hexdigest()) != (part.size, part.sha256):
            raise self._damaged(f"{part.kind} {part.name}: other bytes than were written")

    def _read_contents(self) -> BackupContents:
        try:
            data = self._last_member()
        except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
            raise self._damaged(str(error)) from error
        try:
            return BackupContents.model_validate_json(data)
        except ValidationError as error:
            raise BackupError(
                str(self.path),
                "not a backup that this version reads",
                got=" ".join(str(error.errors()[0]["msg"]).split()),
                allowed=(f"format {FORMAT}",),
                hint="restore it with the version of Nightshift that made it, or a newer one",
            ) from error

    def _last_member(self) -> bytes:
        with tarfile.open(fileobj=self._file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]
                if member.name == CONTENTS:
                    section = _Section(self._file, member.offset_data, member.size)
                    return gzip.GzipFile(fileobj=section).read()
        raise EOFError("it ends before its list of contents")

    def _damaged(self, found: str) -> BackupError:
        return BackupError(
            str(self.path),
            "the backup is damaged or cut off",
            got=found,
            hint="nothing was restored from it; take another backup file",
        )


class _Section(io.RawIOBase):
    """Be a part of a file, from `offset` on, `length` bytes long."""

    def __init__(self, file: IO[bytes], offset: int, length: int) -> None:
        self._file, self._at, self._end = file, offset, offset + length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        self._file.seek(self._at)
        data = self._file.read(min(len(view), self._end - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def _own_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside the file, for this process alone; one that a killed process left is taken over."""
    folder = path.with_name(f".{path.name}.partial")
    folder.mkdir(mode=0o700, exist_ok=True)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            # freed by the kernel when this process ends, however it ends
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingsError(str(path), "another backup is writing this file", hint="wait for it") from error
        for left in folder.iterdir():
            left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)


def _put_in_place(partial: Path, path: Path, *, force: bool) -> None:
    if force:
        partial.replace(path)
    else:
        try:
            # unlike a rename, a link never replaces a file that appeared meanwhile
            os.link(partial, path)
        except FileExistsError as error:
            raise SettingsError(str(path), "the file exists by now", hint="choose another name") from error
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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
