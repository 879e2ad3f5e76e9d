"""Check a project's folder without importing its code: the files are there and define what stages call."""

from __future__ import annotations

import ast
import os
import re
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
# Airflow keeps the README with the Dag, and reads all of these again and again
MAX_FILE_BYTES = 500_000
# what a database does not store as text, and a terminal obeys
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def folder_problems(folder: Path) -> list[Problem]:
    """Return what is missing from a project's folder, or of the wrong shape."""
    problems: list[Problem] = []
    for name, (function, arguments) in REQUIRED_FUNCTIONS.items():
        problems += _code_problems(folder, name, function, arguments)
    for name, (function, arguments) in OPTIONAL_FUNCTIONS.items():
        # a link that leads nowhere was meant to be there
        if os.path.lexists(folder / name):
            problems += _code_problems(folder, name, function, arguments)
    where = f"{folder.name}/{README}"
    read = read_text(folder / README, where, "it is shown on the project's page in Airflow")
    if isinstance(read, Problem):
        problems.append(read)
    elif not read.strip():
        problems.append(Problem(where, "the file is empty", hint="say what is predicted, for whom, from which data"))
    return problems


def read_text(path: Path, where: str, purpose: str) -> str | Problem:
    """Return the text of a file that a person wrote, or what is wrong with it; nothing is raised.

    Args:
        path: The file.
        where: How it is called in messages.
        purpose: What it is for, as the hint of a file that is missing.
    """
    data = read_bytes(path, where, purpose)
    if isinstance(data, Problem):
        return data
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return Problem(where, "cannot be read", "not UTF-8")
    found = UNPRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        return Problem(f"{where}:{line}", "holds a control character", ascii(found.group()), hint="remove it")
    return text


def read_bytes(path: Path, where: str, purpose: str) -> bytes | Problem:
    """Return the bytes of a file of a project's folder, or what is wrong with it: see `read_text`."""
    try:
        if not path.is_file():
            what = "not a file" if os.path.lexists(path) else "the file is missing"
            return Problem(where, what, _kind(path), hint=purpose)
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            return Problem(where, "the file is too large", f"{size} bytes", (f"at most {MAX_FILE_BYTES} bytes",))
        return path.read_bytes()
    except OSError as error:
        return Problem(where, "cannot be read", str(error.strerror or error))


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return "a link that leads nowhere" if path.is_symlink() else ""


def _code_problems(folder: Path, name: str, function: str, arguments: int) -> Iterator[Problem]:
    where = f"{folder.name}/{name}"
    read = read_bytes(folder / name, where, f"it defines {function}")
    if isinstance(read, Problem):
        yield read
        return
    try:
        tree = ast.parse(read)
    except SyntaxError as error:
        place = f"{where}:{error.lineno}" if error.lineno else where
        yield Problem(place, "not valid Python", str(error.msg))
        return
    except (ValueError, RecursionError, MemoryError) as error:
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
