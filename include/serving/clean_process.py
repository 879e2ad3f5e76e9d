"""Load a release and answer with it, in a process that has nothing else: `python -m include.serving.clean_process`.

It is started with a folder, the seconds of processor time it may take, and the seconds in all; reads `request.json`
and what that names, and writes one JSON object to its standard output. Whatever a model does (refuses to load, raises,
answers nonsense) is in its `error`.

A row's milliseconds are processor time of this process. Models do nothing but compute, with one thread, so an idle core
needs as long; and a busy machine does not make a model slow. On two cores with six busy processes the wall clock said
twice as much as the processor's, and its 95th percentile moved by a quarter from one minute to the next.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import psutil
from pydantic import BaseModel
from sklearn.pipeline import Pipeline

from include.domain.errors import ChecksumMismatchError, EvaluationError, NightshiftError
from include.io.manifests import parse_receipt
from include.io.model_files import load_model
from include.io.tables import from_parquet
from include.ml.estimators import positive_scores
from include.ml.metrics import check_probabilities
from include.ml.signature import Signature, model_input

MODULE = "include.serving.clean_process"
MODEL_FILE = "model.skops"
SIGNATURE_FILE = "signature.json"
ROWS_FILE = "rows.parquet"
REQUEST_FILE = "request.json"
CHALLENGER, CHAMPION = "challenger", "champion"
TOLERANCE = 1e-9
# the first answers fill caches
WARM_UP_ROWS = 5
# of each row the quicker try counts: the other tells of the machine, not of the model
TRIES = 2
# enough for a 95th percentile of a model too slow to be asked for more
FEWEST_ROWS = 10
BYTES_A_MB = 1_000_000

_Result = TypeVar("_Result")


class Request(BaseModel):
    """Say what is in the folder.

    Attributes:
        sha256: Of each file, by its path in the folder.
        champion: Whether there is one beside the challenger.
        single_rows: How many rows are asked for one by one, at most.
        clock_seconds: After this much processor time, no more of them than are needed.
    """

    sha256: dict[str, str]
    champion: bool
    single_rows: int
    clock_seconds: float


class Answer(BaseModel):
    """Say how the release served.

    Attributes:
        error: Why it does not serve; then the rest is empty.
        scores: Of the rows, as one batch.
        milliseconds: Of each single row.
        champion_milliseconds: Of the same rows, in turns with the challenger.
        champion_error: Why the champion was not clocked.
        memory_mb: By how much the process grew from loading the challenger and answering with it.
    """

    error: str = ""
    scores: list[float] = []
    milliseconds: list[float] = []
    champion_milliseconds: list[float] = []
    champion_error: str = ""
    memory_mb: float = 0.0


@dataclass(frozen=True)
class _Release:
    """Hold a release's model, as serving would."""

    name: str
    pipeline: Pipeline
    signature: Signature

    def answer(self, rows: pd.DataFrame) -> np.ndarray:
        scores = _tried(f"the {self.name} fails to answer", lambda: self._scores(rows))
        check_probabilities(scores, f"the {self.name} in a clean process")
        return scores

    def _scores(self, rows: pd.DataFrame) -> np.ndarray:
        return positive_scores(self.pipeline, model_input(rows, self.signature))


def serve(folder: Path) -> Answer:
    """Load what lies in `folder`, and answer its rows: all at once, then one by one.

    Raises:
        NightshiftError: The challenger does not serve.
    """
    request = Request.model_validate_json((folder / REQUEST_FILE).read_bytes())
    rows = from_parquet(_checked_bytes(folder, ROWS_FILE, request), ROWS_FILE)
    process = psutil.Process()
    before = process.memory_info().rss
    challenger = _load(folder, CHALLENGER, request)
    scores = challenger.answer(rows)
    singles = [rows.iloc[[row]] for row in range(min(request.single_rows, len(rows)))]
    _warm_up(challenger, singles, scores)
    grown = process.memory_info().rss - before
    champion, why_not = _load_champion(folder, request, singles) if request.champion else (None, "")
    ours, theirs = _clock(challenger, champion, singles, request.clock_seconds)
    return Answer(
        scores=scores.tolist(),
        milliseconds=ours,
        champion_milliseconds=theirs,
        champion_error=why_not,
        memory_mb=max(0, grown) / BYTES_A_MB,
    )


def _load(folder: Path, name: str, request: Request) -> _Release:
    model, signature = (_checked_bytes(folder, f"{name}/{file}", request) for file in (MODEL_FILE, SIGNATURE_FILE))
    pipeline = _tried(f"the {name} does not load", lambda: load_model(model, f"{name}/{MODEL_FILE}"))
    return _Release(name, pipeline, parse_receipt(signature, f"{name}/{SIGNATURE_FILE}", Signature))


def _load_champion(folder: Path, request: Request, singles: Sequence[pd.DataFrame]) -> tuple[_Release | None, str]:
    """Return the champion, warm; or None and why: that is no fault of the challenger's."""
    try:
        champion = _load(folder, CHAMPION, request)
        for row in singles[:WARM_UP_ROWS]:
            champion.answer(row)
    except NightshiftError as error:
        return None, str(error)
    return champion, ""


def _warm_up(challenger: _Release, singles: Sequence[pd.DataFrame], scores: np.ndarray) -> None:
    """Answer the first rows one by one, and hold them to the answers of the batch."""
    for row, expected in zip(singles[:WARM_UP_ROWS], scores[:WARM_UP_ROWS], strict=True):
        found = challenger.answer(row)[0]
        if not abs(found - expected) <= TOLERANCE:
            got = f"{found:.12g} alone, {expected:.12g} among others"
            raise EvaluationError("the challenger in a clean process", "a row is answered otherwise alone", got=got)


def _clock(
    challenger: _Release, champion: _Release | None, singles: Sequence[pd.DataFrame], seconds: float
) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each single row for both, in turns, so that what disturbs one disturbs the other."""
    times: dict[str, list[float]] = {CHALLENGER: [], CHAMPION: []}
    turn = [challenger, champion] if champion else [challenger]
    end = time.process_time() + seconds
    for number, row in enumerate(singles):
        if number >= FEWEST_ROWS and time.process_time() > end:
            break
        best = {model.name: float("inf") for model in turn}
        for _ in range(TRIES):
            for model in turn:
                best[model.name] = min(best[model.name], _milliseconds(model, row))
            turn.reverse()
        for name, value in best.items():
            times[name].append(value)
    return times[CHALLENGER], times[CHAMPION]


def _milliseconds(model: _Release, row: pd.DataFrame) -> float:
    begun = time.process_time()
    model.answer(row)
    return (time.process_time() - begun) * 1000


def _checked_bytes(folder: Path, path: str, request: Request) -> bytes:
    data = (folder / path).read_bytes()
    found, expected = hashlib.sha256(data).hexdigest(), request.sha256[path]
    if found != expected:
        what = "the bytes are not those that were handed over"
        raise ChecksumMismatchError(path, what, got=f"sha256 {found}", allowed=(f"sha256 {expected}",))
    return data


def _tried(what: str, call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except NightshiftError:
        raise
    except Exception as error:
        got = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise EvaluationError("a clean process", what, got=got) from error


def _main(arguments: Sequence[str]) -> None:
    folder, processor_seconds, seconds = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    # the kernel ends the process, whatever a model does and even where whoever started it is gone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds + 60))
    signal.alarm(seconds)
    # what libraries print goes to the standard error: the standard output is the answer's alone
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)
        try:
            answer = serve(folder)
        except NightshiftError as error:
            answer = Answer(error=str(error))
        output.write(answer.model_dump_json())


if __name__ == "__main__":
    _main(sys.argv[1:])
