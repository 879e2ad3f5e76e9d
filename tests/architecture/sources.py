"""Give the architecture tests the repository's own Python files, by room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from include.config.settings import ROOT

DAGS = ROOT / "dags"
PLUGINS = ROOT / "plugins"
HEAVY = ("pandas", "numpy", "sklearn", "xgboost", "mlflow", "great_expectations", "boto3")


def python_files(*rooms: str) -> list[Path]:
    """Return the Python files below the named top folders, in name order."""
    return [
        path
        for room in rooms
        for path in sorted((ROOT / room).rglob("*.py"))
        if not {"__pycache__", ".venv"} & set(path.parts)
    ]


def written(path: Path) -> str:
    """Return a path as written from the root."""
    return path.relative_to(ROOT).as_posix()


def module_level_imports(tree: ast.Module) -> Iterator[str]:
    """Yield the modules a file imports when it is itself imported (not those inside functions or for typing only)."""
    for node in _executed(tree.body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _executed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        for name in ("body", "orelse", "handlers", "finalbody"):
            for inner in getattr(node, name, []):
                yield from _executed(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])
