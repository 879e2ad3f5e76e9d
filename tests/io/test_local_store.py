"""What only a folder can do wrong: killed writers, modes, permissions, a full disk."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.domain.errors import StoreError, StoreRefusedError, StoreUnsafeError
from include.io.local_store import LocalStore
from include.io.object_store import ObjectInfo

SIZE = 4_000_000
KILLS = 6


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(f"file://{tmp_path / 'store'}")


@pytest.fixture
def umask_022() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


WRITER = textwrap.dedent(
    """
    import sys
    from include.io.local_store import LocalStore

    store, size = LocalStore(sys.argv[1]), int(sys.argv[2])
    print("ready", flush=True)
    for turn in range(1_000_000):
        letter = b"abcdefghij"[turn % 10 : turn % 10 + 1]
        store.put("p/whole", letter * size)
        store.put(f"p/new/{sys.argv[3]}-{turn}", letter * size, if_absent=True)
        store.delete(f"p/new/{sys.argv[3]}-{turn - 3}")
    """
)


def test_a_killed_writer_leaves_no_torn_object(local: LocalStore) -> None:
    left = 0
    for turn in range(KILLS):
        command = [sys.executable, "-c", WRITER, local.url, str(SIZE), str(turn)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(0.05 + 0.037 * turn)
            writer.send_signal(signal.SIGKILL)
        found = list(local.list())
        assert {info.size for info in found} <= {SIZE}
        assert all(len(set(local.get(info.key))) == 1 for info in found)
        left = len(list(local.root.rglob(".nightshift-tmp-*")))
    assert not any("nightshift-tmp" in info.key for info in local.list())
    # the lock of a killed writer is free again
    local.put("p/whole", b"after")
    assert local.get("p/whole") == b"after"
    _age_temporary_files(local)
    local.probe()
    assert list(local.root.rglob(".nightshift-tmp-*")) == [], f"{left} were left behind"


def _age_temporary_files(store: LocalStore) -> None:
    (store.root / "p" / ".nightshift-tmp-left").write_bytes(b"half")
    for path in store.root.rglob(".nightshift-tmp-*"):
        os.utime(path, (time.time() - 7200, time.time() - 7200))


def test_the_sweep_leaves_the_files_of_living_writers(local: LocalStore) -> None:
    local.put("p/x", b"one")
    young = local.root / "p" / ".nightshift-tmp-young"
    young.write_bytes(b"half")
    local.probe()
    assert young.exists()
    assert [info.key for info in local.list()] == ["p/x"]


@pytest.mark.usefixtures("umask_022")
def test_files_and_folders_have_the_modes_the_umask_gives(local: LocalStore) -> None:
    local.put("p/x", b"one")
    local.put("p/x", b"two")
    assert stat.S_IMODE((local.root / "p" / "x").stat().st_mode) == 0o644
    assert stat.S_IMODE((local.root / "p").stat().st_mode) == 0o755


def test_a_delete_leaves_no_empty_folder(local: LocalStore) -> None:
    local.put("p/a/b/x", b"one")
    local.put("p/y", b"two")
    local.delete("p/a/b/x")
    assert names(local.root / "p") == ["y"]
    # what was a folder may be an object now, as on S3
    local.put("p/a", b"three")
    assert local.get("p/a") == b"three"


def test_writers_and_deleters_of_one_folder_do_not_hinder_each_other(local: LocalStore) -> None:
    def work(worker: int) -> None:
        for turn in range(150):
            local.put(f"p/{turn % 3}/{worker}", b"x")
            local.delete(f"p/{turn % 3}/{worker}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert list(local.list()) == []


def test_a_listing_reads_no_object(local: LocalStore) -> None:
    local.put("p/x", b"one")
    # it can be looked at, and whoever reads it gets an error
    (local.root / "p" / "y").symlink_to("/proc/self/mem")
    with pytest.raises(StoreError):
        local.get("p/y")
    assert [(one.key, one.size) for one in local.list("p/")] == [("p/x", 3), ("p/y", 0)]


def test_a_put_leaves_one_name_for_its_file(local: LocalStore) -> None:
    local.put("p/x", b"one", if_absent=True)
    assert (local.root / "p" / "x").stat().st_nlink == 1
    assert names(local.root / "p") == ["x"]


def test_an_unfinished_write_is_cleared_away(local: LocalStore) -> None:
    local.put("p/x", b"one")
    with pytest.raises(TypeError):
        local.put("p/x", "no bytes")  # type: ignore[arg-type]
    assert names(local.root / "p") == ["x"]
    assert local.get("p/x") == b"one"


def test_a_key_cannot_be_object_and_folder(local: LocalStore) -> None:
    local.put("p/x", b"one")
    with pytest.raises(StoreRefusedError, match="a part of the key is an object, so nothing can be inside it"):
        local.put("p/x/y", b"two")
    for conditions in ({}, {"if_absent": True}):
        with pytest.raises(StoreRefusedError, match="p: the key is a folder of other keys"):
            local.put("p", b"two", **conditions)  # type: ignore[arg-type]
    assert names(local.root / "p") == ["x"]


def _run(code: str, url: str) -> str:
    """Run `code` in a process that may spoil its own limits and user; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), url], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_without_room_is_one_clear_error(local: LocalStore) -> None:
    local.put("p/x", b"one")
    # a limit on file size stops the write half-way, as a full disk does
    said = _run(
        """
        import resource, sys
        from include.domain.errors import StoreError
        from include.io.local_store import LocalStore

        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            LocalStore(sys.argv[1]).put("p/x", b"y" * 1_000_000)
        except StoreError as error:
            print(type(error).__name__, error.retryable, error)
        """,
        local.url,
    )
    assert said.startswith(f"StoreError True {local.url}/p/x: no room on the disk; got: ")
    assert said.endswith("; hint: free space, then retry\n")
    assert local.get("p/x") == b"one"
    assert names(local.root / "p") == ["x"]


def test_a_missing_permission_is_one_clear_error(local: LocalStore) -> None:
    local.put("p/x", b"one")
    (local.root / "p").chmod(0o500)
    said = _run(
        """
        import os, sys
        from include.domain.errors import StoreError
        from include.io.local_store import LocalStore

        if os.geteuid() == 0:
            os.setuid(65534)
        try:
            LocalStore(sys.argv[1]).put("p/x", b"two")
        except StoreError as error:
            print(type(error).__name__, error.retryable, error)
        """,
        local.url,
    )
    assert said.startswith(f"StoreRefusedError False {local.url}/p/x: not permitted; got: ")


def test_a_damaged_mount_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"a file where the folder should be")
    with pytest.raises(StoreError, match=r"store/p/x: a part of the key is an object"):
        LocalStore(f"file://{tmp_path / 'store'}").put("p/x", b"")


class _Forgetful(LocalStore):
    """Ignore one of the conditions, as five of nine S3 servers did."""

    def __init__(self, url: str, ignored: str) -> None:
        super().__init__(url)
        self._ignored = ignored

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None) -> ObjectInfo:
        if self._ignored == "if_absent":
            if_absent = False
        if self._ignored == "if_match":
            if_match = None
        if self._ignored == "bytes":
            data = data.upper()
        return super().put(key, data, if_absent=if_absent, if_match=if_match)


@pytest.mark.parametrize(
    ("ignored", "found"),
    [
        ("if_absent", "a create-only write over an existing object succeeded"),
        ("if_match", "a compare-and-set with a stale ETag succeeded"),
        ("bytes", "other bytes were read than were written"),
    ],
)
def test_a_store_that_ignores_a_condition_is_refused(local: LocalStore, ignored: str, found: str) -> None:
    forgetful = _Forgetful(local.url, ignored)
    with pytest.raises(StoreUnsafeError) as refused:
        forgetful.probe()
    assert str(refused.value) == (
        f"{local.url}: conditional writes do not hold here, so promotions could be lost; got: {found}; "
        "hint: use AWS S3, SeaweedFS 4.48 or newer, or a file:// store"
    )
    assert list(local.list()) == []
