from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from include.domain.errors import StackError
from include.io import processes
from include.io.processes import STACK_VARIABLE, Component, Job, ProcessId

STACK_ID = f"test-{os.getpid()}"
SLEEP = "import time; time.sleep(60)"
# like Airflow's workers: a child that shows neither its environment nor its parent's name
HIDDEN_CHILD = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {SLEEP!r}], env={{}})
print("ready", flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""

Start = Callable[..., Component]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Component] = []

    def run(code: str, name: str = "sleeper", ready: bool = False) -> Component:
        environ = {**os.environ, STACK_VARIABLE: STACK_ID}
        component = processes.start(name, [sys.executable, "-c", code], environ=environ, cwd=tmp_path, logs=tmp_path)
        started.append(component)
        if ready:
            wait_for(lambda: processes.last_lines(component.log) == "ready")
        return component

    yield run
    processes.end(STACK_ID, started, grace_seconds=0)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_started_program_is_alive_until_it_is_stopped(start: Start) -> None:
    component = start(SLEEP)
    assert component.alive()
    assert processes.stop([component]) == []
    assert not component.alive()


def test_a_program_that_ends_by_itself_is_not_alive_and_its_words_are_kept(start: Start) -> None:
    component = start("print('one'); print('two')")
    wait_for(lambda: not component.alive())
    assert processes.last_lines(component.log, 1) == "two"


def test_a_program_that_ignores_the_request_is_killed_and_named(start: Start) -> None:
    component = start(STUBBORN, "stubborn", ready=True)
    assert processes.stop([component], grace_seconds=0.5) == ["stubborn"]
    assert not component.alive()


def test_a_reused_number_is_somebody_else() -> None:
    me = ProcessId.of(os.getpid())
    assert me.process() is not None
    assert ProcessId(pid=me.pid, started=me.started - 1000).process() is None


def test_a_stranger_is_neither_stopped_nor_a_member(start: Start, tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP])
    try:
        old = Component(name="old", id=ProcessId(pid=stranger.pid, started=1.0), log=tmp_path / "old.log")
        assert processes.stop([old]) == []
        assert processes.end(STACK_ID, [old], grace_seconds=0) == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_ending_a_stack_ends_children_that_hide(start: Start) -> None:
    parent = start(HIDDEN_CHILD, ready=True)
    assert len(processes.members(STACK_ID, [parent])) == 2
    processes.end(STACK_ID, [parent], grace_seconds=1)
    assert processes.members(STACK_ID, [parent]) == []


@pytest.mark.parametrize("reaped", [True, False])
def test_children_of_a_killed_component_are_found(start: Start, reaped: bool) -> None:
    parent = start(HIDDEN_CHILD, ready=True)
    os.kill(parent.id.pid, signal.SIGKILL)
    wait_for(lambda: not parent.alive())
    if reaped:
        os.waitpid(parent.id.pid, 0)
    (child,) = processes.members(STACK_ID, [parent])
    processes.end(STACK_ID, [parent], grace_seconds=0)
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


def test_a_job_is_waited_for_and_tells_its_newest_line(tmp_path: Path) -> None:
    job = Job(
        "work", [sys.executable, "-c", "print('1/2'); print('2/2')"], environ=os.environ, cwd=tmp_path, logs=tmp_path
    )
    job.wait()
    assert job.finished()
    assert job.last_line() == "2/2"


def test_a_failed_job_says_so_with_its_last_words_and_its_log(tmp_path: Path) -> None:
    code = "import sys; print('the reason', file=sys.stderr); sys.exit(3)"
    job = Job("work", [sys.executable, "-c", code], environ=os.environ, cwd=tmp_path, logs=tmp_path)
    with pytest.raises(StackError) as error:
        job.wait()
    assert str(error.value) == f"work: failed with exit status 3; got: the reason; hint: read {tmp_path / 'work.log'}"
