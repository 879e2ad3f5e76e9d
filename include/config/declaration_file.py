"""Read a declaration's YAML and remember where each key stands, so that a message can name its line.

YAML itself takes the last of two equal keys, expands aliases and reads `no:` as a key that is False: all three are
refused here, because a declaration must mean what it says. Only `off:` is a word of declarations, and means itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from include.config.errors import Problem
from include.config.findings import KeyPath, key_path
from include.config.folder import UNPRINTABLE, read_text

MAX_GOT_CHARACTERS = 60
# libyaml composes by recursion and ends the process at some 100 000 levels; no declaration needs ten
MAX_DEPTH = 30
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
    refused = _refused_writing(text, written.where)
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
        written.nodes[path] = child
        if isinstance(child, yaml.ScalarNode) and UNPRINTABLE.search(child.value):
            # an escape such as "\\0": no database stores it as text
            written.problems.append(Problem(written.place(path), "holds a control character", ascii(child.value)))
    written.values = _plain(loader.construct_document(node))
    written.readable = True


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
