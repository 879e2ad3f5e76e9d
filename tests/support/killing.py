"""Run functions in processes that may be killed at any moment, each forked from one that has imported everything.

A stage imports for four seconds and works for a fraction of one: a kill at a random moment of a fresh process would
only ever hit its imports. The fork server imports once and computes nothing, so that no native thread is forked.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest

from include.config.settings import ROOT

WARM = "tests.support.warm"
BEGAN = "began"
SECONDS_TO_BEGIN = 60.0
SECONDS_TO_END = 120.0


def warm_context() -> ForkServerContext:
    """Return the way to start processes that have the libraries and stages loaded; the first call starts the server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([WARM])
    with pytest.MonkeyPatch.context() as patch:
        # it is started with the interpreter's own path, not with pytest's
        patch.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()
    return context


class Attempt:
    """Be one function under way in a process of its own, killed or let alone.

    Args:
        task: A function of a module; it is called with `arguments`, which are pickled, and so is its result.
        environ: Variables to set in the process first.
    """

    def __init__(self, task: Callable[..., Any], *arguments: Any, environ: Mapping[str, str] | None = None) -> None:
        context = warm_context()
        self._answers, answers = context.Pipe(duplex=False)
        self.process = context.Process(target=_play, args=(answers, dict(environ or {}), task, arguments), daemon=True)
        self.process.start()
        answers.close()
        self._said: tuple[str, Any] | None = None

    def result(self) -> Any:
        """Wait for the end, and return what the function returned.

        Raises:
            RuntimeError: The function failed; the message holds its error.
        """
        assert not self.was_killed(), "the process was killed before it had a result"
        assert self._said is not None
        return self._said[1]

    def kill_after(self, seconds: float) -> bool:
        """Kill the process that long after the function began; return whether it was still at work."""
        assert self._answers.poll(SECONDS_TO_BEGIN), "the process does not start"
        assert self._answers.recv() == BEGAN
        time.sleep(seconds)
        self.process.kill()
        return self.was_killed()

    def was_killed(self) -> bool:
        """Wait for the end, and tell whether it came before the function had a result, by SIGKILL, whoever sent it.

        Raises:
            RuntimeError: The function failed by itself; the message holds its error.
        """
        if self._said is None:
            self._said = self._last_words()
            self.process.join(SECONDS_TO_END)
        outcome, value = self._said
        if outcome == "failed":
            raise RuntimeError(value)
        if outcome == "done":
            return False
        assert self.process.exitcode == -signal.SIGKILL, f"exit status {self.process.exitcode}"
        return True

    def _last_words(self) -> tuple[str, Any]:
        """Read to the end; a process that is killed says nothing at its end."""
        words: tuple[str, Any] = ("", None)
        deadline = time.monotonic() + SECONDS_TO_END
        try:
            while self._answers.poll(max(deadline - time.monotonic(), 0)):
                said = self._answers.recv()
                words = words if said == BEGAN else said
        except EOFError:
            return words
        self.process.kill()
        raise AssertionError("the task takes too long")


def _play(
    answers: Connection, environ: Mapping[str, str], task: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    warm = sys.modules.get(WARM)
    assert warm is not None and os.getpid() != warm.PROCESS, "nothing was loaded before the fork"
    os.environ.update(environ)
    answers.send(BEGAN)
    try:
        answers.send(("done", task(*arguments)))
    except Exception as error:  # noqa: BLE001 - handed on to the parent
        answers.send(("failed", f"{type(error).__name__}: {error}"))
