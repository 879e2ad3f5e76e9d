"""Check that an identity of code changes exactly when that code does: each module is changed once."""

from __future__ import annotations

import ast
import inspect
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from include.config.identity import (
    COUNTED_ALL_THE_SAME,
    DECISION_ENTRIES,
    JUDGEMENT,
    MODEL_ENTRIES,
    NOT_COUNTED,
    PREPARATION_ENTRIES,
    code_identity,
    counted_modules,
    counts,
    imports_of,
    syntax_digest,
    with_definition,
)
from include.config.settings import ROOT

ENTRIES = {"model": MODEL_ENTRIES, "decision": DECISION_ENTRIES, "preparation": PREPARATION_ENTRIES}
COUNTED = {made: set(counted_modules(entries)) for made, entries in ENTRIES.items()}
# of the code that is not counted, what counted code may take: none of it makes a number
HARMLESS_FUNCTIONS = {
    "include.domain.clock": "when a record was written",
    "include.config.identity": "names code",
    "include.config.consistency": "refuses a declaration",
    "include.domain.errors": "words of a failure, which makes no number",
    "include.domain.decision": "how pages name rows and write values",
    "include.config.settings": "how long it takes",
    "include.config.source": "which tables are kept once for many days",
}
HARMLESS_ROOMS = {
    "include.io.champion_alias",
    "include.io.data_docs",
    "include.io.ledger",
    "include.io.keys",
    "include.io.manifests",
    "include.io.object_store",
    "include.io.releases",
    "include.io.stores",
    "include.io.tracking",
    "include.reports.markdown",
    "include.reports.templates",
    "include.stages.evaluate.documents",
    "include.io.model_registry",
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout's Python code."""
    root = tmp_path_factory.mktemp("checkout")
    for path in (ROOT / "include").rglob("*.py"):
        (root / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / path.relative_to(ROOT))
    return root


def file_of(root: Path, module: str) -> Path:
    place = root.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def modules(*rooms: str) -> list[str]:
    files = [path for room in rooms for path in sorted((ROOT / "include" / room).rglob("*.py"))]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]


def identities(root: Path) -> dict[str, str]:
    return {made: code_identity(entries, root) for made, entries in ENTRIES.items()}


def changed(copy: Path, module: str, text: str) -> set[str]:
    """Return the identities that change when the file of `module` holds `text`."""
    path = file_of(copy, module)
    before, source = identities(copy), path.read_text()
    try:
        path.write_text(text)
        after = identities(copy)
    finally:
        path.write_text(source)
    return {made for made in ENTRIES if before[made] != after[made]}


def with_another_body(source: str) -> str:
    """Return the source with one more statement in its first function, or at its end when it has none."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    (functions[0] if functions else tree).body.append(ast.Pass())
    return ast.unparse(tree)


def said_otherwise(source: str) -> str:
    """Return the source with other comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node) is not None:
                node.body[0] = ast.Expr(ast.Constant("Other words."))
            elif not isinstance(node, ast.Module):
                node.body.insert(0, ast.Expr(ast.Constant("Words.")))
    return "# a comment\n\n\n" + ast.unparse(ast.fix_missing_locations(tree)).replace("\n", "\n\n") + "\n# the end\n"


@pytest.mark.parametrize("module", sorted(set().union(*COUNTED.values())))
def test_a_module_changes_what_it_makes_and_nothing_else(copy: Path, module: str) -> None:
    source = file_of(copy, module).read_text()
    assert changed(copy, module, with_another_body(source)) == {made for made in ENTRIES if module in COUNTED[made]}
    assert changed(copy, module, said_otherwise(source)) == set()


@pytest.mark.parametrize("room", ["reports", "cli", "orchestration", "operations", "stack", "demo_feed"])
def test_what_only_tells_or_asks_makes_nothing(copy: Path, room: str) -> None:
    sources = {module: file_of(copy, module).read_text() for module in modules(room)}
    before = identities(copy)
    try:
        for module, source in sources.items():
            file_of(copy, module).write_text(with_another_body(source))
        assert identities(copy) == before
    finally:
        for module, source in sources.items():
            file_of(copy, module).write_text(source)


@pytest.mark.parametrize(
    ("made", "parts"),
    [
        ("model", {"stages.train", "io.feature_rows", "ml.tuning", "ml.estimators", "io.model_files"}),
        ("decision", {"stages.evaluate.measurements", "domain.promotion_rules", "config.gates.metric", "ml.metrics"}),
        (
            "decision",
            {"serving.clean_process", "stages.evaluate.context", "ml.bootstrap", "io.ledger", "domain.evidence"},
        ),
        ("preparation", {"stages.build_features", "stages.validate", "io.raw_rows", "io.expectations"}),
    ],
)
def test_what_makes_a_thing_is_found(made: str, parts: set[str]) -> None:
    assert COUNTED[made] >= {f"include.{part}" for part in parts}
    assert not {"include.config.gates.metric", "include.domain.promotion_rules"} & COUNTED["model"]


def test_a_module_that_begins_to_be_used_counts_at_once(copy: Path) -> None:
    fresh = copy / "include" / "ml" / "fresh.py"
    source = file_of(copy, "include.ml.tuning").read_text()
    late = source + "\n\ndef _late():\n    from include.ml import fresh\n    return fresh.ANSWER\n"
    fresh.write_text("ANSWER = 1\n")
    assert changed(copy, "include.ml.fresh", "ANSWER = 2\n") == set()
    file_of(copy, "include.ml.tuning").write_text(late)
    try:
        assert changed(copy, "include.ml.fresh", "ANSWER = 2\n") == {"model", "decision"}
    finally:
        file_of(copy, "include.ml.tuning").write_text(source)
        fresh.unlink()


def test_what_is_not_counted_makes_no_number() -> None:
    """A function, or a class with methods of its own, that counted code takes from uncounted code is looked at once."""
    unlooked = set()
    for module in set().union(*COUNTED.values()):
        for taken, name in imports_of(module):
            if counts(taken) or taken in HARMLESS_FUNCTIONS or taken in HARMLESS_ROOMS:
                continue
            if name and _reckons(getattr(import_module(taken), name)):
                unlooked.add(f"{taken}.{name} in {module}")
            elif not name or not taken.startswith(("include.config.", "include.domain.")):
                unlooked.add(f"{taken} in {module}")
    assert not unlooked, "count them (COUNTED_ALL_THE_SAME), or say here why they make no number"


def _reckons(value: object) -> bool:
    """Tell whether a name taken from the declarations is a function, or a class with a method to be called."""
    if inspect.isclass(value):
        if issubclass(value, Exception):
            return False
        own = [each for name, each in vars(value).items() if not name.startswith("_") and name != "model_config"]
        return any(inspect.isfunction(each) or isinstance(each, property | classmethod) for each in own)
    return inspect.isfunction(value)


def test_the_lists_name_what_is_there() -> None:
    for module in (*NOT_COUNTED, *COUNTED_ALL_THE_SAME, *JUDGEMENT, *HARMLESS_FUNCTIONS, *HARMLESS_ROOMS):
        assert file_of(ROOT, module).is_file(), module
    assert set().union(*COUNTED.values()) >= COUNTED_ALL_THE_SAME


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1", "x  =  1  # one", True),
        ("x = 1", "x = 2", False),
        ("x = 1", "x = 1.0", False),
        ("x = None", "x = ...", False),
        ("x = None", "x = 'None'", False),
        ("f(a, b)", "f(\n    a,\n    b,\n)", True),
        ("f([a, b])", "f([a], b)", False),
        ("if a:\n    b()\nelse:\n    c()", "if a:\n    b()\n    c()", False),
        ("def f():\n    'Say.'\n    return 1", "def f():\n    return 1", True),
        ("def f():\n    return 'Say.'", "def f():\n    return ''", False),
        ("x = 1 +", "x = 1 + ", False),
    ],
)
def test_only_what_is_run_counts(one: str, other: str, same: bool) -> None:
    assert (syntax_digest(one.encode()) == syntax_digest(other.encode())) is same


def test_an_identity_of_an_older_definition_says_so() -> None:
    now = code_identity(MODEL_ENTRIES)
    assert with_definition(now) == now
    assert "older definition" in with_definition("ab" * 32)
