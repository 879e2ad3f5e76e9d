"""Load a project's own Python from its folder, wherever that folder is.

Contract of the files (a project imports config, pandas, numpy, scikit-learn, great_expectations, and nothing else
of ours):

- `features.py`
    - `build_features(raw, history) -> DataFrame`: pure. `raw` has one row per example of one day, *without* the
      target's column and the `unknown_at_prediction` columns. `history` has the good rows of the `lookback_days` days
      before (excluded days left out), all columns; None when none is declared. Of days whose label is not known by the
      end of the day (`label_delay_days`), the target's and the `unknown_at_prediction` columns are empty. Returns the
      declared feature columns, indexed like `raw`; numeric features as float64, categorical ones as str (None when
      missing).
    - optional `assemble(tables) -> DataFrame`: join the source's tables (name -> frame) to one row per example; the
      default returns the only table.
- `expectations.py`
    - `build_suite() -> list[Expectation]`: Great Expectations objects for the assembled frame, at least 10. Row-level
      (map) expectations set failing rows aside; all others reject the day.
- `behaviour.py`, optional
    - `build_behaviour() -> list[Invariance | Directional]`: what changed rows may and must do to a model's scores
      (`include/config/behaviour.py`), at least one test, each with a name of its own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from include.config.identity import syntax_digest
from include.config.project import Project
from include.domain.errors import NightshiftError, ProjectCodeError

BEHAVIOUR = "behaviour"
# what a project's code can end with; a person's Ctrl-C and Airflow's timeouts are not among them
CODE_FAILURES = (Exception, SystemExit)
_INCLUDE = Path(__file__).resolve().parents[1]


def load_module(project: Project, name: str) -> ModuleType:
    """Import `<project folder>/<name>.py` under a name of its own, fresh when its bytes changed.

    Raises:
        ProjectCodeError: The file is missing or fails on import.
    """
    path = project.folder / f"{name}.py"
    where = f"{project.name}/{name}.py"
    if not path.is_file():
        raise ProjectCodeError(where, "the file is missing", hint="every project has features.py and expectations.py")
    module_name = f"nightshift_project_{project.name}_{name}_{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except CODE_FAILURES as error:
        del sys.modules[module_name]
        raise code_failure(project, name, "fails on import", error) from error
    return module


def code_failure(
    project: Project, name: str, what: str, error: BaseException, *, about: str = "", hint: str = ""
) -> ProjectCodeError:
    """Return the error of a project's own code that failed, with the line at which it did.

    Args:
        project: Whose code it is.
        name: The file, without `.py`.
        what: What fails: "build_features fails".
        error: One of `CODE_FAILURES`.
        about: What follows the place: " on 2024-03-07".
        hint: The likely fix.

    Raises:
        SystemExit: It was raised by us, who were told to end while the project's code ran.
    """
    if isinstance(error, SystemExit):
        if _is_ours(project, error):
            raise error
        hint = "raise an exception that says what is wrong: ending the process says nothing"
    got = error if isinstance(error, NightshiftError) else f"{type(error).__name__}: {error}"
    return ProjectCodeError(f"{line_of(project, name, error)}{about}", what, got=got, hint=hint)


def line_of(project: Project, name: str, error: BaseException) -> str:
    """Return "shop/features.py:12", the innermost line of the project's own code; without a line when none is known."""
    if isinstance(error, SyntaxError) and error.filename and _in_folder(project, error.filename) and error.lineno:
        return f"{project.name}/{Path(error.filename).name}:{error.lineno}"
    own = [frame for frame in extract_tb(error.__traceback__) if _in_folder(project, frame.filename)]
    return f"{project.name}/{Path(own[-1].filename).name}:{own[-1].lineno}" if own else f"{project.name}/{name}.py"


def _in_folder(project: Project, filename: str) -> bool:
    return Path(filename).is_relative_to(project.folder)


def _is_ours(project: Project, error: SystemExit) -> bool:
    last = extract_tb(error.__traceback__)[-1].filename
    return not _in_folder(project, last) and Path(last).is_relative_to(_INCLUDE)


def has_behaviour(project: Project) -> bool:
    """Tell whether a project says how its models must behave."""
    return (project.folder / f"{BEHAVIOUR}.py").is_file()


def behaviour_fingerprint(project: Project) -> str:
    """Return the identity of a project's tests of behaviour; empty when it has none."""
    return code_fingerprint(project, BEHAVIOUR) if has_behaviour(project) else ""


def code_fingerprint(project: Project, *names: str) -> str:
    """Return the identity of the named Python files of a project ("features", ...): of what they say, not how."""
    digest = hashlib.sha256()
    for name in names:
        path = project.folder / f"{name}.py"
        digest.update(f"{path.name}\0{syntax_digest(path.read_bytes()) if path.is_file() else ''}\0".encode())
    return digest.hexdigest()
