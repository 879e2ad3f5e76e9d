"""Try a release before there is one: hand its very bytes to a clean process, which loads them and answers."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from include.config.gates import Gate, LatencyGate, MemoryGate, ServesGate
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.config.settings import ROOT
from include.domain.errors import ProcessEndedError
from include.domain.evidence import Runtime
from include.io.manifests import to_json
from include.io.models import LoadedModel
from include.io.tables import to_parquet
from include.serving.clean_process import (
    BYTES_A_MB,
    CHALLENGER,
    CHAMPION,
    MODEL_FILE,
    MODULE,
    REQUEST_FILE,
    ROWS_FILE,
    SIGNATURE_FILE,
    TOLERANCE,
    Answer,
    Request,
)
from include.stages.evaluate.context import spread

BATCH_ROWS = 1000
SINGLE_ROWS = 100
# of processor time, for clocking both models; loading and the batch come before
CLOCK_SECONDS = 2.0
# of processor time: a release that needs more does not serve, and a busy machine is not held against it
LIMIT_SECONDS = 120
# in all
PATIENCE_SECONDS = 900
# of the variables of this process: where programs, libraries and texts are found
KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
# how whoever stops a stack, a container or a machine says so
TOLD_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_log = logging.getLogger(__name__)


def probe_release(
    project: Project,
    challenger: LoadedModel,
    champion: LoadedModel | None,
    frame: pd.DataFrame,
    scores: np.ndarray,
    limit_seconds: int = LIMIT_SECONDS,
) -> Runtime:
    """Say how the challenger's release serves; a process is started only when a gate asks for it.

    It never raises for what the challenger does: why it does not serve is in `error`.

    Args:
        project: Its gates in force ask, or do not.
        challenger: Its bytes are those that a release would hold.
        champion: Clocked beside it; None when there is none, or none that can score `frame`.
        frame: The holdout's rows.
        scores: What the challenger answered to them in this process, shape (n_rows,).
        limit_seconds: After this much processor time the process is ended.
    """
    size_mb = len(challenger.data) / BYTES_A_MB
    if not asks_for_a_process(gates_in_force(project)):
        return Runtime(size_mb=size_mb)
    if champion is not None and champion.signature.missing_from(frame.columns):
        champion = None
    picked = spread(len(frame), BATCH_ROWS)
    with tempfile.TemporaryDirectory(prefix="nightshift-release-") as name:
        folder = Path(name)
        hand_over(folder, challenger, champion, frame.iloc[picked])
        answer = _answered(folder, limit_seconds)
    error = answer.error or _difference(answer, scores[picked])
    runtime = Runtime(asked=True, error=error, size_mb=size_mb) if error else _runtime(answer, size_mb)
    if answer.champion_error:
        _log.warning("the champion of %s was not clocked: %s", project.name, answer.champion_error)
    return runtime


def asks_for_a_process(gates: tuple[Gate, ...]) -> bool:
    """Tell whether any of the gates needs what only a clean process can say."""
    return any(isinstance(gate, ServesGate | LatencyGate | MemoryGate) for gate in gates)


def clean_environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the variables of the process: nothing of Airflow's, no connection and no secret.

    Args:
        environ: Those of this process.
        home: The process's home and its folder for temporary files.
    """
    kept = {name: environ[name] for name in KEPT_VARIABLES if environ.get(name)}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH", "")]))
    # libraries may be installed for this user only, and the home is another
    kept["PYTHONUSERBASE"] = site.getuserbase()
    return {**kept, **ONE_THREAD, "HOME": str(home), "TMPDIR": str(home)}


def hand_over(folder: Path, challenger: LoadedModel, champion: LoadedModel | None, rows: pd.DataFrame) -> None:
    """Write what the process needs, and the sha256 of each file."""
    models = {CHALLENGER: challenger} | ({CHAMPION: champion} if champion else {})
    needed = dict.fromkeys(name for model in models.values() for name in model.signature.names)
    files = {ROWS_FILE: to_parquet(rows[list(needed)])}
    for name, model in models.items():
        files[f"{name}/{MODEL_FILE}"] = model.data
        files[f"{name}/{SIGNATURE_FILE}"] = to_json(model.signature)
    for path, data in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    request = Request(
        sha256={path: hashlib.sha256(data).hexdigest() for path, data in files.items()},
        champion=champion is not None,
        single_rows=SINGLE_ROWS,
        clock_seconds=CLOCK_SECONDS,
    )
    (folder / REQUEST_FILE).write_text(request.model_dump_json(), encoding="utf-8")


def _answered(folder: Path, limit_seconds: int) -> Answer:
    """Run the process, and return its answer; how it ended without one is an answer too.

    Raises:
        ProcessEndedError: It was told to end, as when a stack is stopped: that says nothing of the release.
    """
    # -P: not even the current folder is a place to import from
    command = [sys.executable, "-P", "-m", MODULE, str(folder), str(limit_seconds), str(PATIENCE_SECONDS)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=clean_environment(os.environ, folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(error=f"the release did not load and answer within {PATIENCE_SECONDS} seconds")
    if -done.returncode in TOLD_TO_END:
        raise ProcessEndedError(
            "the process that tries the release",
            "it was told to end before it answered",
            got=signal.Signals(-done.returncode).name,
            hint="is the machine or the stack being stopped?",
        )
    if done.returncode == -signal.SIGXCPU:
        return Answer(error=f"the release did not load and answer within {limit_seconds} seconds of processor time")
    if done.returncode:
        return Answer(error=_ended(done.returncode, done.stderr))
    try:
        return Answer.model_validate_json(done.stdout)
    except ValidationError:
        return Answer(error=f"the process wrote no answer: {_last_line(done.stdout)}")


def _ended(code: int, errors: bytes) -> str:
    if code >= 0:
        return f"the process ended with status {code}: {_last_line(errors)}"
    cause = "; the machine may be out of memory" if -code == signal.SIGKILL else ""
    return f"the process was ended by {signal.Signals(-code).name}{cause}"


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def _difference(answer: Answer, expected: np.ndarray) -> str:
    """Return what is different between the answers there and here; empty when nothing is."""
    found = np.asarray(answer.scores)
    if found.shape != expected.shape:
        return f"the release answered {len(found)} rows of {len(expected)}"
    # written so that a score that is not a number differs
    wrong = ~(np.abs(found - expected) <= TOLERANCE)
    if not wrong.any():
        return ""
    first = int(np.argmax(wrong))
    return (
        f"the release answers otherwise than the model that was judged: {int(wrong.sum())} of {len(wrong)} rows, "
        f"for instance {found[first]:.6g} for {expected[first]:.6g}"
    )


def _runtime(answer: Answer, size_mb: float) -> Runtime:
    middle, slow = np.percentile(answer.milliseconds, [50, 95])
    theirs = answer.champion_milliseconds
    return Runtime(
        asked=True,
        rows=len(answer.milliseconds),
        p50_ms=float(middle),
        p95_ms=float(slow),
        champion_p95_ms=float(np.percentile(theirs, 95)) if theirs else None,
        memory_mb=answer.memory_mb,
        size_mb=size_mb,
    )
