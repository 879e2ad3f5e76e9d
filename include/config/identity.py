"""Say what a candidate's id is made of, and which code makes a model, a decision, and a day's rows.

Code is named by its syntax tree.

Each is defined once, here: the modules that a stage imports, followed from its entry through `include`, imports inside
functions too. A module counts unless it is listed as one that cannot change the result: what only people read, what
moves bytes that are checked by their sha256, and what holds declared values, which are in the identities as values.

Comments, docstrings, blank lines and formatting are no part of a syntax tree, so they change no identity.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

from include.config.estimators import families, module_of
from include.config.project import Project
from include.config.sections import Candidate, Value
from include.config.settings import ROOT
from include.domain.results import PlanResult

PACKAGE = "include"
# names of an older definition, which hashed the bytes of one room, have no such beginning
PREFIX = "syntax:"

MODEL_ENTRIES = ("include.stages.train",)
DECISION_ENTRIES = ("include.stages.evaluate",)
PREPARATION_ENTRIES = ("include.stages.validate", "include.stages.build_features")

# neither they nor what only they import can change a model, a decision or a day's rows
NOT_COUNTED = (
    # declared values, records and receipts
    "include.config",
    "include.domain",
    # bytes, from one place to another
    "include.io",
    # what only people read
    "include.reports",
    "include.stages.evaluate.documents",
)
# of those rooms, the modules that reckon or turn bytes into values
COUNTED_ALL_THE_SAME = frozenset(
    {
        "include.config.behaviour",
        "include.config.day_fingerprints",
        "include.config.window",
        "include.config.project",
        "include.config.project_code",
        "include.config.sections",
        "include.domain.champion",
        "include.domain.decision",
        "include.domain.evidence",
        "include.domain.metrics",
        "include.domain.promotion_rules",
        "include.io.expectation_plan",
        "include.io.expectations",
        "include.io.feature_rows",
        "include.io.ledger",
        "include.io.model_files",
        "include.io.models",
        "include.io.raw_rows",
        "include.io.tables",
        "include.io.verdict_entries",
    }
)

# gates are declared where they are judged: they make decisions, and neither a model nor a day's rows
JUDGEMENT = ("include.config.gates", "include.config.gates_in_force")


@cache
def model_code(estimator: str = "", root: Path = ROOT) -> str:
    """Return the identity of the code that makes a model of this estimator, or of any, in the checkout at `root`.

    A family of models is found by its folder, so no import leads to it; another family makes no difference.
    """
    return code_identity((*MODEL_ENTRIES, *([module_of(estimator)] if estimator else families())), root)


@cache
def decision_code(root: Path = ROOT) -> str:
    """Return the identity of the code that makes a decision: it measures, judges and reaches the verdict."""
    return code_identity(DECISION_ENTRIES, root)


@cache
def preparation_code(root: Path = ROOT) -> str:
    """Return the identity of the code that turns a day's raw rows into checked features."""
    return code_identity(PREPARATION_ENTRIES, root)


def candidate_id(
    project: Project, candidate: Candidate, plan: PlanResult, *, as_of: date, data_fingerprint: str, lock_hash: str
) -> str:
    """Return the identity of a training: its name and a hash of everything that the model depends on.

    The git commit is no part of it: it changes with every typing mistake that is put right. The code that makes a
    model counts by its syntax instead (a project's features are in the data's fingerprint).
    """
    value = deciding_value(project)
    return f"{candidate.name}-" + fingerprint_of(
        {
            "project": project.name,
            "as_of": as_of.isoformat(),
            "candidate": candidate.model_dump(mode="json"),
            "declaration": project.relevant("features", "target", "cross_validation", "seed", "threshold"),
            "value": value.model_dump(mode="json") if value else None,
            "metric": project.metrics.primary,
            "train": plan.train.model_dump(mode="json"),
            "data": data_fingerprint,
            "code": model_code(candidate.estimator),
            "lock": lock_hash,
        }
    )


def deciding_value(project: Project) -> Value | None:
    """Return the declared value where it makes a difference to a model: where it chooses the threshold."""
    return project.value if project.threshold.objective == "value" else None


def fingerprint_of(evidence: Mapping[str, object]) -> str:
    """Return 16 hexadecimal digits of the sha256 of JSON-able `evidence`."""
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_definition(identity: str) -> str:
    """Return an identity for a comparison that people read; one of an older definition says that it is one."""
    return identity if identity.startswith(PREFIX) else f"{identity} (bytes of include/ml: an older definition)"


def shortened(identity: str) -> str:
    """Return enough of an identity to tell two apart."""
    return identity.removeprefix(PREFIX)[:12]


def code_identity(entries: tuple[str, ...], root: Path = ROOT) -> str:
    """Return the name of the code that `entries` run: a hash of the syntax trees of all modules that count.

    Args:
        entries: Modules by their dotted names.
        root: The checkout.
    """
    digest = hashlib.sha256()
    for module, source in sorted(counted_modules(entries, root).items()):
        digest.update(f"{module}\0{syntax_digest(source)}\0".encode())
    return PREFIX + digest.hexdigest()


def counted_modules(entries: tuple[str, ...], root: Path = ROOT) -> dict[str, bytes]:
    """Return the modules that `entries` import and that count, by dotted name, with their source."""
    find = cache(lambda module: _file_of(module, root))
    found: dict[str, bytes] = {}
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        path = find(module)
        if module in found or path is None or not counts(module, entries):
            continue
        found[module] = path.read_bytes()
        waiting += [each for each, _ in _resolved(module, path, found[module], find)]
    return found


def counts(module: str, entries: tuple[str, ...] = DECISION_ENTRIES) -> bool:
    """Tell whether a module of ours can make a difference to what `entries` make: a model, a decision, a day's rows."""
    if module in COUNTED_ALL_THE_SAME:
        return True
    if _within(module, JUDGEMENT):
        return entries == DECISION_ENTRIES
    return not _within(module, NOT_COUNTED)


def _within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in rooms)


def imports_of(module: str, root: Path = ROOT) -> list[tuple[str, str]]:
    """Return what a module of ours imports of ours: the module, and the name taken from it (empty: all of it)."""
    path = _file_of(module, root)
    assert path is not None, module
    return list(_resolved(module, path, path.read_bytes(), lambda each: _file_of(each, root)))


def syntax_digest(source: bytes) -> str:
    """Return the sha256 of a Python file's syntax tree, docstrings left out; of its bytes where it is no Python."""
    try:
        return _read(source).digest
    except (SyntaxError, ValueError):
        return hashlib.sha256(source).hexdigest()


@dataclass(frozen=True)
class _Import:
    """Hold one imported name: `from <level dots><origin> import <name>`, or `import <origin>` with no name."""

    level: int
    origin: str
    name: str


@dataclass(frozen=True)
class _Syntax:
    """Hold what is kept of a file's syntax tree."""

    digest: str
    imports: tuple[_Import, ...]


@lru_cache(maxsize=1024)
def _read(source: bytes) -> _Syntax:
    tree = ast.parse(source)
    parts: list[str] = []
    _write(tree, parts)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return _Syntax(digest, tuple(_imported(tree)))


def _write(node: ast.AST, parts: list[str]) -> None:
    """Write a node and all below it; what is empty is left out, so that new fields of a newer Python change nothing."""
    parts.append(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        # the one field whose None means something
        if isinstance(node, ast.Constant) and name == "value":
            parts.append(repr(value))
        elif value is not None and value != []:
            parts.append(name)
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(each, ast.AST):
                    parts.append(repr(each))
                elif not _is_text_alone(each):
                    _write(each, parts)
    parts.append(")")


def _is_text_alone(node: ast.AST) -> bool:
    """Tell whether a statement is a docstring: text that nothing is done with."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imported(tree: ast.AST) -> Iterator[_Import]:
    """Yield every import, those in functions too; what only a type checker follows is left out."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _names_type_checking(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (_Import(0, each.name, "") for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (_Import(node.level, node.module or "", each.name) for each in node.names)
        elif not isinstance(node, ast.expr):
            waiting += ast.iter_child_nodes(node)


def _names_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _resolved(module: str, path: Path, source: bytes, find: Callable[[str], Path | None]) -> Iterator[tuple[str, str]]:
    inside = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for each in _read(source).imports:
        above = inside[: len(inside) - each.level + 1] if each.level else []
        origin = ".".join([*above, *([each.origin] if each.origin else [])])
        if origin.split(".")[0] != PACKAGE:
            continue
        below = f"{origin}.{each.name}"
        yield (below, "") if each.name and find(below) else (origin, each.name)


def _file_of(module: str, root: Path) -> Path | None:
    """Return the file of a module; None when it is none of ours, but a name inside one."""
    place = root.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)
