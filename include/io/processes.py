"""Start programs that outlive a shell, know them again safely, and stop them without leaving a child behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from include.domain.errors import StackError

STACK_VARIABLE = "NIGHTSHIFT_STACK_ID"
# the kernel counts from the boot, whose time moves when the clock is set; a number comes round much later
_CLOCK_TOLERANCE_SECONDS = 2.0


class ProcessId(BaseModel):
    """Name one process for good: a number is given to another process later, a number with its start time is not.

    Attributes:
        started: Seconds since 1970, as the kernel tells it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Return the identity of a process that is alive now."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the process while it is alive (a zombie is not), else None."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _CLOCK_TOLERANCE_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def number_taken(self) -> bool:
        """Tell whether the number belongs to another process now; a zombie has it still."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) >= _CLOCK_TOLERANCE_SECONDS
        except psutil.NoSuchProcess:
            return False


class Component(BaseModel):
    """Be one started program of a stack, with the file that holds what it says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    id: ProcessId
    log: Path

    def alive(self) -> bool:
        """Tell whether the program still runs."""
        return self.id.process() is not None


def start(name: str, command: Sequence[str], *, environ: Mapping[str, str], cwd: Path, logs: Path) -> Component:
    """Start `command` in a session of its own, so that a Ctrl-C in the shell does not reach it before we stop it.

    Args:
        name: Names the component and its log file, which is begun anew.
        command: Program and arguments.
        environ: The whole environment.
        cwd: Its working folder.
        logs: Folder of log files.
    """
    log = logs / f"{name}.log"
    process = _open(command, log, environ, cwd)
    # its end is found by the kernel's table; this object must not warn that it was never waited for
    process.returncode = 0
    return Component(name=name, id=ProcessId.of(process.pid), log=log)


def _open(command: Sequence[str], log: Path, environ: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=cwd,
            start_new_session=True,
        )


class Job:
    """Be one program that is run to its end beside others; its output is kept in a log.

    Args: as `start`.
    """

    def __init__(self, name: str, command: Sequence[str], *, environ: Mapping[str, str], cwd: Path, logs: Path) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self._process = _open(command, self.log, environ, cwd)

    def finished(self) -> bool:
        """Tell whether the program has ended.

        Raises:
            StackError: It has ended with a failure; the message holds its last words.
        """
        status = self._process.poll()
        if status:
            raise StackError(
                self.name, f"failed with exit status {status}", got=last_lines(self.log, 4), hint=f"read {self.log}"
            )
        return status is not None

    def wait(self, while_waiting: Callable[[], None] = lambda: None) -> None:
        """Wait for the end, calling `while_waiting` ten times a second.

        Raises:
            StackError: It failed.
        """
        while not self.finished():
            while_waiting()
            time.sleep(0.1)

    def last_line(self) -> str:
        """Return the newest complete line of output, for showing progress."""
        return last_lines(self.log, 1)


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `module` with this environment's Python."""
    return [sys.executable, "-P", "-m", module, *arguments]


def stop(components: Iterable[Component], *, grace_seconds: float = 20) -> list[str]:
    """Ask each program to end (SIGTERM), and kill those that have not after `grace_seconds`; return their names."""
    running = [(component, process) for component in components if (process := component.id.process())]
    for _, process in running:
        _send(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs([process for _, process in running], timeout=grace_seconds)
    for process in stubborn:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=5)
    return [component.name for component, process in running if process in stubborn]


def members(stack_id: str, components: Iterable[Component]) -> list[psutil.Process]:
    """Return every living process of a stack: the components, and whatever they started, at any remove.

    A process is known by its session, which is its component's, or by the mark in its environment: Airflow's workers
    overwrite theirs with their title, and a program may begin a session of its own, but none does both.
    """
    leaders = {component.id.pid: component.id for component in components}
    found = []
    for process in psutil.process_iter():
        try:
            session = leaders.get(os.getsid(process.pid))
            # while a session has members its number is given to no one else, so a stranger with it is its own leader
            ours = session is not None and not session.number_taken()
            marked = ours or process.environ().get(STACK_VARIABLE) == stack_id
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [process for process in found if process.pid != os.getpid()]


def end(
    stack_id: str, components: Sequence[Component], *, grace_seconds: float = 5, at_once: Collection[str] = ()
) -> int:
    """End a whole stack: ask every process of it, wait for the components, kill what is left. Return how many were.

    Args:
        stack_id: The mark of the stack's processes.
        components: Its components.
        grace_seconds: How long the components may take.
        at_once: Names of components that are not waited for: nothing of theirs can be lost.
    """
    for process in members(stack_id, components):
        _send(process, signal.SIGTERM)
    patient = [
        process for component in components if component.name not in at_once and (process := component.id.process())
    ]
    psutil.wait_procs(patient, timeout=grace_seconds)
    killed = 0
    deadline = time.monotonic() + 10
    # again and again: one may have forked while it was asked to end
    while (rest := members(stack_id, components)) and time.monotonic() < deadline:
        for process in rest:
            _send(process, signal.SIGKILL)
        psutil.wait_procs(rest, timeout=1)
        killed += len(rest)
    return killed


def last_lines(log: Path, count: int = 12) -> str:
    """Return the last `count` lines of a log file, or an empty string when there is none."""
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def _send(process: psutil.Process, signal_number: int) -> None:
    try:
        process.send_signal(signal_number)
    except psutil.NoSuchProcess:
        return
