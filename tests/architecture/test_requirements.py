"""What the product imports is declared by its own name: a library that only came with another one can leave with it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.sources import PLUGINS, ROOT, python_files, written

# Airflow puts the plugins' folder on the path, so plugins are imported by their file's name
OURS = {"include", "dags", *(path.stem for path in PLUGINS.glob("*.py"))}
DISTRIBUTIONS = packages_distributions()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {_normal(found[0]) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))}


def _third_party(tree: ast.Module) -> Iterator[str]:
    """Yield the top-level modules a file imports that are neither ours nor Python's, lazy imports included."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            top = name.split(".")[0]
            if top not in OURS and top not in sys.stdlib_module_names:
                yield top


def _undeclared(tree: ast.Module) -> set[str]:
    declared = _declared()
    return {
        module
        for module in _third_party(tree)
        if not declared & {_normal(distribution) for distribution in DISTRIBUTIONS.get(module, [])}
    }


def test_every_library_that_is_imported_is_declared() -> None:
    trees = {written(path): ast.parse(path.read_bytes()) for path in python_files("include", "dags", "plugins")}
    imported = {module for tree in trees.values() for module in _third_party(tree)}
    undeclared = {name: missing for name, tree in trees.items() if (missing := _undeclared(tree))}

    assert imported >= {"airflow", "pydantic", "sklearn", "yaml"}
    assert undeclared == {}, "name these in requirements.txt and compile both locks"


@pytest.mark.parametrize(
    ("code", "undeclared"),
    [
        ("import numpy.linalg", set()),
        ("def late():\n    from sklearn import svm", set()),
        ("def late():\n    import starlette.routing", {"starlette"}),
        ("from nowhere_to_be_found import anything", {"nowhere_to_be_found"}),
    ],
)
def test_an_import_that_only_came_with_another_library_is_seen(code: str, undeclared: set[str]) -> None:
    assert _undeclared(ast.parse(code)) == undeclared
