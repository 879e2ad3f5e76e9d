"""The shell script and the installer: what they say when a machine will not do, and when they do nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

import pytest

from include.config.settings import ROOT
from include.stack import install


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout that was never set up: the script, the installer and two small locks."""
    root = tmp_path / "a checkout"
    (root / "include/stack").mkdir(parents=True)
    shutil.copy(ROOT / "nightshift", root)
    shutil.copy(ROOT / "include/stack/install.py", root / "include/stack")
    (root / "requirements.lock").write_text("one==1\n", encoding="utf-8")
    (root / "requirements-dev.lock").write_text("one==1\ntwo==2\n", encoding="utf-8")
    return root


def fake_python(folder: Path, name: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    path.chmod(0o755)


def shell_tools(folder: Path) -> Path:
    """Return a folder with the few programs the script needs, and no Python."""
    folder.mkdir(exist_ok=True)
    for name in ("sh", "dirname", "cmp", "env"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def call(checkout: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "nightshift"), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_an_old_python_is_one_sentence(checkout: Path, tmp_path: Path) -> None:
    tools = shell_tools(tmp_path / "bin")
    fake_python(tools, "python3", "3.9")
    ended = call(checkout, "status", PATH=str(tools))
    assert ended.returncode == 1
    assert ended.stderr == (
        "nightshift: Python 3.11, 3.12 or 3.13 is needed; found: python3 is 3.9; "
        "install one, or name it in NIGHTSHIFT_PYTHON\n"
    )


def test_without_any_python_it_says_so(checkout: Path, tmp_path: Path) -> None:
    ended = call(checkout, "status", PATH=str(shell_tools(tmp_path / "bin")))
    assert (ended.returncode, "found: none;" in ended.stderr) == (1, True)


def test_a_named_python_must_do(checkout: Path, tmp_path: Path) -> None:
    tools = shell_tools(tmp_path / "bin")
    fake_python(tools, "my python", "3.14")
    ended = call(checkout, PATH=str(tools), NIGHTSHIFT_PYTHON=str(tools / "my python"))
    assert ended.returncode == 1
    assert f"found: {tools / 'my python'} is 3.14;" in ended.stderr


def test_a_newer_python_beside_an_old_one_is_found(checkout: Path, tmp_path: Path) -> None:
    tools = shell_tools(tmp_path / "bin")
    fake_python(tools, "python3", "3.9")
    (tools / "python3.12").symlink_to(sys.executable)
    ended = call(checkout, PATH=str(tools), NIGHTSHIFT_DISK_NEEDED_MB="1000000000")
    # it came as far as the installer, which runs under the Python that was found
    assert "too little disk" in ended.stderr


def test_too_little_disk_is_one_sentence_with_both_numbers(checkout: Path) -> None:
    ended = call(checkout, "status", PATH=os.environ["PATH"], NIGHTSHIFT_DISK_NEEDED_MB="123456789")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"nightshift: too little disk under {checkout}: ")
    assert "GB free, 123456.8 GB needed for .venv" in line
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(install.InstallError, match=r"has no module venv and no ensurepip; install it \(Debian"):
        install.check_venv_module()


def installed(checkout: Path, lock: str) -> None:
    venv.create(checkout / ".venv", symlinks=True)
    shutil.copy(checkout / lock, checkout / ".venv/installed.lock")
    package = checkout / "include/cli"
    package.mkdir()
    (checkout / "include/__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import os, sys\nprint(sys.argv[1:], sys.prefix, os.getcwd())\n", encoding="utf-8"
    )


def test_what_is_installed_is_not_installed_again(checkout: Path, tmp_path: Path) -> None:
    installed(checkout, "requirements.lock")
    tools = shell_tools(tmp_path / "bin")
    ended = subprocess.run(
        [str(checkout / "nightshift"), "status", "two words"],
        env={"PATH": str(tools), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert ended.stdout == f"['status', 'two words'] {checkout / '.venv'} {tmp_path}\n"
    assert ended.stderr == ""
    assert list((checkout / "include/cli").rglob("*.pyc")), "the bytecode was not written"


@pytest.mark.parametrize(
    ("lock", "command", "enough"),
    [
        ("requirements.lock", "status", True),
        ("requirements.lock", "test", False),
        ("requirements.lock", "lint", False),
        ("requirements-dev.lock", "status", True),
        ("requirements-dev.lock", "test", True),
    ],
)
def test_tests_need_the_developers_lock(checkout: Path, tmp_path: Path, lock: str, command: str, enough: bool) -> None:
    installed(checkout, lock)
    # no Python on the path: a call that wants to install fails
    assert (call(checkout, command, PATH=str(shell_tools(tmp_path / "bin"))).returncode == 0) is enough


def test_a_changed_lock_is_installed_again(checkout: Path, tmp_path: Path) -> None:
    installed(checkout, "requirements.lock")
    (checkout / "requirements.lock").write_text("one==2\n", encoding="utf-8")
    ended = call(checkout, "status", PATH=str(shell_tools(tmp_path / "bin")))
    assert ended.returncode == 1


class Recorder:
    """Stand in for the programs an install calls, and remember which."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.fail_on = ""

    def __call__(self, command: list[str]) -> None:
        self.calls.append(command)
        if self.fail_on and self.fail_on in command:
            raise subprocess.CalledProcessError(7, command)
        if "venv" in command:
            venv.create(command[-1], symlinks=True, clear=True)

    def count(self, word: str) -> int:
        return sum(word in command for command in self.calls)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(install, "_run", recorder)
    monkeypatch.setattr(install, "_usable", lambda folder: (folder / "bin/python").exists())
    monkeypatch.setenv(install.NEEDED_VARIABLE, "1")
    return recorder


def test_an_install_ends_with_the_stamp_and_is_done_once(checkout: Path, recorder: Recorder) -> None:
    assert install.main("requirements.lock", checkout) == 0
    assert install.main("requirements.lock", checkout) == 0
    assert recorder.count("venv") == recorder.count("sync") == 1
    sync = next(command for command in recorder.calls if "sync" in command)
    assert {"--require-hashes", "--compile-bytecode"} <= set(sync)
    assert (checkout / ".venv/installed.lock").read_bytes() == (checkout / "requirements.lock").read_bytes()


def test_an_interrupted_install_is_begun_anew(
    checkout: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.fail_on = "sync"
    assert install.main("requirements.lock", checkout) == 1
    assert "setting up failed (exit status 7)" in capsys.readouterr().err
    assert not (checkout / ".venv/installed.lock").exists()
    recorder.fail_on = ""
    assert install.main("requirements.lock", checkout) == 0
    # half of a package may be there: the second try does not trust what the first left
    assert recorder.count("venv") == 2


def test_a_changed_lock_keeps_the_environment(checkout: Path, recorder: Recorder) -> None:
    assert install.main("requirements.lock", checkout) == 0
    assert install.main("requirements-dev.lock", checkout) == 0
    assert (recorder.count("venv"), recorder.count("sync")) == (1, 2)


def test_two_calls_at_once_install_once(checkout: Path, recorder: Recorder) -> None:
    threads = [threading.Thread(target=install.main, args=("requirements.lock", checkout)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.count("sync") == 1


def test_an_install_of_everything_is_not_cut_down_by_one_that_waited(checkout: Path, recorder: Recorder) -> None:
    assert install.main("requirements-dev.lock", checkout) == 0
    assert install.main("requirements.lock", checkout) == 0
    assert recorder.count("sync") == 1


def test_installs_of_both_locks_never_run_at_once(
    checkout: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[str] = []
    most: list[int] = []

    def slow(root: Path, lock: Path) -> None:
        running.append(lock.name)
        most.append(len(running))
        time.sleep(0.2)
        running.remove(lock.name)

    monkeypatch.setattr(install, "install", slow)
    locks = ("requirements.lock", "requirements-dev.lock")
    threads = [threading.Thread(target=install.main, args=(lock, checkout)) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1]


def test_the_script_is_plain_posix_shell() -> None:
    shell = shutil.which("dash") or shutil.which("sh")
    assert shell is not None
    subprocess.run([shell, "-n", str(ROOT / "nightshift")], check=True)
