"""The house style, as far as a test can hold it: names, sizes, docstrings, words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import python_files, written

PRODUCT = python_files("include", "dags", "plugins")
# a file holds one idea with everything that changes together; beyond this it holds two
MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 60
BANNED_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "lib", "shared"}
BANNED_WORDS = re.compile(r"\b(execution_date|best_model|TODO|FIXME|XXX)\b")


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in PRODUCT:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines, without its signature and its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_files_are_named_for_the_one_thing_they_hold() -> None:
    named = [path for path in [*PRODUCT, *python_files("tests", "benchmarks")] if path.stem != "__init__"]
    folders = {part for path in named for part in Path(written(path)).parts[:-1]}

    bad_files = [written(path) for path in named if path.stem in BANNED_NAMES or re.match(r"_?\d|\w+_\d+$", path.stem)]
    assert len(named) > 50
    assert bad_files == []
    assert folders & BANNED_NAMES == set()


def test_no_file_is_longer_than_one_idea_needs() -> None:
    lengths = {written(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PRODUCT}

    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{written(path)}:{function.name}": _body_lines(function)
        for path, tree in _trees()
        for function in _functions(tree)
    }

    assert len(lengths) > 200
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}


def test_every_module_and_everything_public_says_what_it_does() -> None:
    silent = []
    for path, tree in _trees():
        if path.stat().st_size and not ast.get_docstring(tree):
            silent.append(written(path))
        public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        silent += [
            f"{written(path)}:{node.name}"
            for node in public
            if not node.name.startswith("_") and not ast.get_docstring(node)
        ]
    assert silent == []


def test_exceptions_end_in_error() -> None:
    odd = [
        f"{written(path)}:{node.name}"
        for path, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
        and not node.name.endswith("Error")
    ]
    assert odd == []


def test_the_words_we_do_not_use_are_not_used() -> None:
    found = {written(path): BANNED_WORDS.findall(path.read_text(encoding="utf-8")) for path in PRODUCT}

    assert {name: words for name, words in found.items() if words} == {}
