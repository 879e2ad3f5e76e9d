"""Read a project's folder without its code: that the files are there, and the YAML with the line of each key."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from include.domain.base_model import KeyPath, key_path
from include.domain.errors import Problem, did_you_mean

REQUIRED_FUNCTIONS: dict[str, tuple[str, int]] = {
    "features.py": ("build_features(raw, history)", 2),
    "expectations.py": ("build_suite()", 0),
}
OPTIONAL_FUNCTIONS: dict[str, tuple[str, int]] = {"behaviour.py": ("build_behaviour()", 0)}
README = "README.md"
ALLOWED_OF_OURS = "include.config"
# what may import another part of ours, in a file of ASCII that says of no other encoding how it is read
_OURS = re.compile(rb"include(?!\.config\b)|coding")
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


def content_digest(folder: Path, *names: str) -> str | None:
    """Return a hash of all that a reading of a folder depends on: where it is, and the bytes of its files.

    Args:
        folder: A project's folder.
        names: Further files that must be there: the declaration.

    Returns:
        The hash, or None where a file is missing, too large or not readable: what is wrong then is looked at anew.
    """
    found = [*names, README, *REQUIRED_FUNCTIONS]
    found += [name for name in OPTIONAL_FUNCTIONS if os.path.lexists(folder / name)]
    digest = hashlib.sha256(f"{folder}\0{folder.resolve()}\0".encode(errors="surrogateescape"))
    for name in found:
        data = read_bytes(folder / name, name, "")
        if isinstance(data, Problem):
            return None
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


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
    # most files name no other part of ours, and a walk is half of reading them; what is not ASCII may be read as a name
    if read.isascii() and not _OURS.search(read):
        return
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


MAX_GOT_CHARACTERS = 60
# libyaml composes by recursion and ends the process at some 100 000 levels; no declaration needs ten
MAX_DEPTH = 30
# a text with no more signs than these that begin a level cannot end the process; one with something like *name in it
# may have an alias
_SAFE_LEVELS = 400
_ALIAS = re.compile(r"\*[\w-]")
# the C loader is 8 times faster, and Airflow reads every declaration again and again
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
# gates are switched off by it
_OFF = "off"


@dataclass
class Written:
    """Hold what a file says: its values, the line of each key, and what was wrong with the writing itself."""

    where: str
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    readable: bool = False
    lines: dict[KeyPath, int] = field(default_factory=dict)
    nodes: dict[KeyPath, yaml.Node] = field(default_factory=dict)

    def place(self, path: KeyPath) -> str:
        """Return `<folder>/project.yaml:<line>: <key>`; a missing key has the line of the key above it."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = f":{self.lines[known]}" if known else ""
        return f"{self.where}{line}: {key_path(path)}"

    def got(self, path: KeyPath) -> str:
        """Return what the user wrote at `path`, shortened; empty when nothing stands there."""
        node = self.nodes.get(path)
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            return _shortened(json.dumps(self.value(path)))
        if node.style:
            return _shortened(repr(node.value))
        return _shortened(node.value) or "nothing"

    def value(self, path: KeyPath) -> Any:
        """Return the value at `path`."""
        value: Any = self.values
        for part in path:
            value = value[part]
        return value


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_GOT_CHARACTERS else f"{line[: MAX_GOT_CHARACTERS - 3]}..."


def read_written(path: Path, where: str) -> Written:
    """Read the YAML file at `path`; what cannot be read is among the result's problems, never raised."""
    written = Written(where)
    text = read_text(path, where, "it declares the project")
    if isinstance(text, Problem):
        written.problems.append(text)
        return written
    try:
        _read_text(text, written)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        hint = "put text that holds ': ' or starts with a sign in quotes; indent with spaces, never tabs"
        written.problems.append(Problem(f"{where}{line}", "not valid YAML", str(error.problem), (), hint))
    except (yaml.YAMLError, ValueError) as error:
        written.problems.append(Problem(where, "not valid YAML", _shortened(str(error))))
    return written


def _read_text(text: str, written: Written) -> None:
    refused = _refused_writing(text, written.where) if _may_be_refused(text) else None
    if refused:
        written.problems.append(refused)
        return
    # both loaders are the safe ones
    loader = _LOADER(text)
    node = loader.get_single_node()
    if not isinstance(node, yaml.MappingNode):
        got = {yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list"}.get(type(node), "an empty file")
        written.problems.append(Problem(written.where, "a mapping of keys is needed", got, (), "start with 'owner:'"))
        return
    for path, child in _walk(node, (), written):
        if len(path) >= MAX_DEPTH and not isinstance(child, yaml.ScalarNode):
            refused = _refused_writing(text, written.where)
            assert refused is not None, "what is this deep is refused"
            written.problems.append(refused)
            return
        written.nodes[path] = child
        if isinstance(child, yaml.ScalarNode) and UNPRINTABLE.search(child.value):
            # an escape such as "\\0": no database stores it as text
            written.problems.append(Problem(written.place(path), "holds a control character", ascii(child.value)))
    written.values = _plain(loader.construct_document(node))
    written.readable = True


def _may_be_refused(text: str) -> bool:
    """Tell whether a text has to be looked through before it is read, which costs as much again: few have to."""
    return bool(_ALIAS.search(text)) or sum(map(text.count, "[{-?:")) > _SAFE_LEVELS


def _refused_writing(text: str, where: str) -> Problem | None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        place = f"{where}:{event.start_mark.line + 1}" if event.start_mark else where
        if isinstance(event, yaml.AliasEvent):
            hint = "write the value out: a declaration is read as it stands"
            return Problem(place, "aliases are not supported", f"*{event.anchor}", (), hint)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return Problem(place, "nested too deeply", f"{depth} levels", (f"at most {MAX_DEPTH} levels",))
    return None


def _plain(value: Any) -> Any:
    """Return YAML's values as JSON's: dates as text, no keys but text (other ones are reported by `_walk`)."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if isinstance(key, str)}
    if isinstance(value, (list, tuple, set)):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _walk(node: yaml.Node, path: KeyPath, written: Written) -> Iterator[tuple[KeyPath, yaml.Node]]:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            written.lines[(*path, index)] = item.start_mark.line + 1
            yield (*path, index), item
            yield from _walk(item, (*path, index), written)
    if isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            here = (*path, str(key.value))
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value == _OFF:
                key.tag = _TEXT
            if key.tag != _TEXT:
                hint = f"""put it in quotes: "{key.value}":""" if isinstance(key, yaml.ScalarNode) else ""
                place = f"{written.where}:{line}: {key_path(path)}".rstrip(": ")
                got = str(key.value) if hint else "a list or mapping"
                written.problems.append(Problem(place, "YAML does not read this key as text", got, (), hint))
                continue
            if here in written.lines:
                place = f"{written.where}:{line}: {key_path(here)}"
                got = f"lines {written.lines[here]} and {line}"
                written.problems.append(Problem(place, "the key is declared twice", got, (), "keep one of them"))
            written.lines[here] = line
            yield here, item
            yield from _walk(item, here, written)
