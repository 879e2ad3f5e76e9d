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
from types import ModuleType

from include.config.code_identity import syntax_digest
from include.config.errors import ProjectCodeError
from include.config.project import Project

BEHAVIOUR = "behaviour"


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
    except Exception as error:
        del sys.modules[module_name]
        raise ProjectCodeError(where, "fails on import", got=f"{type(error).__name__}: {error}") from error
    return module


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
