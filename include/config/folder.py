"""Check a project's folder without importing its code: the files are there and define what stages call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from include.config.errors import Problem, did_you_mean

REQUIRED_FUNCTIONS: dict[str, tuple[str, int]] = {
    "features.py": ("build_features(raw, history)", 2),
    "expectations.py": ("build_suite()", 0),
}
OPTIONAL_FUNCTIONS: dict[str, tuple[str, int]] = {"behaviour.py": ("build_behaviour()", 0)}
README = "README.md"
ALLOWED_OF_OURS = "include.config"


def folder_problems(folder: Path) -> list[Problem]:
    """Return what is missing from a project's folder, or of the wrong shape."""
    problems: list[Problem] = []
    for name, (function, arguments) in REQUIRED_FUNCTIONS.items():
        problems += _code_problems(folder, name, function, arguments)
    for name, (function, arguments) in OPTIONAL_FUNCTIONS.items():
        if (folder / name).exists():
            problems += _code_problems(folder, name, function, arguments)
    readme = folder / README
    where = f"{folder.name}/{README}"
    if not readme.is_file():
        problems.append(Problem(where, "the file is missing", hint="it is shown on the project's page in Airflow"))
    elif not readme.read_bytes().strip():
        problems.append(Problem(where, "the file is empty", hint="say what is predicted, for whom, from which data"))
    return problems


def _code_problems(folder: Path, name: str, function: str, arguments: int) -> Iterator[Problem]:
    where = f"{folder.name}/{name}"
    path = folder / name
    if not path.is_file():
        yield Problem(where, "the file is missing", hint=f"it defines {function}")
        return
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        yield Problem(f"{where}:{error.lineno}", "not valid Python", str(error.msg))
        return
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        yield Problem(where, "cannot be read as Python", str(error))
        return
    yield from _function_problems(tree, where, function, arguments)
    for line, module in _imports_of_ours(tree):
        hint = "a project's own code stands alone, so that it can be read, tested and moved alone"
        yield Problem(f"{where}:{line}", "imports a part of the pipeline", module, (ALLOWED_OF_OURS,), hint)


def _function_problems(tree: ast.Module, where: str, function: str, arguments: int) -> Iterator[Problem]:
    name = function.partition("(")[0]
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in defined:
        hint = did_you_mean(name, defined)
        yield Problem(where, f"defines no function {name}", ", ".join(defined) or "no function", (function,), hint)
        return
    given = defined[name].args
    positional = [*given.posonlyargs, *given.args]
    required = len(positional) - len(given.defaults)
    if not required <= arguments <= (len(positional) if not given.vararg else arguments):
        got = f"{name}({', '.join(argument.arg for argument in positional)})"
        place = f"{where}:{defined[name].lineno}"
        yield Problem(place, f"{name} must take {arguments} positional arguments", got, (function,))


def _imports_of_ours(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "include":
            modules = [f"include.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "include" and module.split(".")[:2] != ALLOWED_OF_OURS.split("."):
                yield node.lineno, module
