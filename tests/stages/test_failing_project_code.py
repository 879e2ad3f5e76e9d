"""However a project's own code ends, one error that no retry follows names its file and line."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import date

import pytest

from include.config.project_code import code_failure
from include.domain.errors import NightshiftError, PartitionRejectedError, ProjectCodeError
from include.stages import build_features, ingest, validate
from include.stages.train.container_entrypoint import _end
from tests.stages.shop import DECLARATION, EXPECTATIONS, FEATURES, Shop

DAY = date(2024, 3, 7)
BUILD = "def build_features(raw, history):\n"
SUITE = "def build_suite():\n"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Return the shop without lookback: one day is prepared."""
    return shop.declare(window={**DECLARATION["window"], "lookback_days": 0})


ENDS = {
    "an exception": ("    x = 1\n    return 1 / 0\n", 3, "ZeroDivisionError"),
    "the end of the process": ("    import sys\n    sys.exit(3)\n", 3, "SystemExit: 3"),
    "an end without a word": ("    raise SystemExit\n", 2, "SystemExit"),
    "recursion": ("    return again()\n\ndef again():\n    return again()\n", 5, "RecursionError"),
    "a warning as an error": (
        "    import warnings\n    warnings.simplefilter('error')\n    warnings.warn('old')\n",
        4,
        "UserWarning: old",
    ),
    "deep in a library": ("    import json\n    json.loads('{')\n", 3, "JSONDecodeError"),
}


@pytest.mark.parametrize(("body", "line", "said"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("name", ["features", "expectations"])
def test_a_failing_function_is_named_with_its_line(shop: Shop, name: str, body: str, line: int, said: str) -> None:
    others = FEATURES.replace("def build_features", "def old")
    shop.code(**{name: {"features": BUILD + body + others, "expectations": SUITE + body}[name]})
    error = failure(lambda: shop.prepare([DAY]))
    assert f"shop/{name}.py:{line}" in error.problem.where
    assert said in error.problem.got


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import sys\n\nsys.exit(3)\n", 3),
        ("x = 1\nx.y\n", 2),
        ("import a_module_that_is_nowhere\n", 1),
        ("def f(:\n", 1),
        ("import argparse\nargparse.ArgumentParser().parse_args(['--nothing'])\n", 2),
    ],
)
@pytest.mark.parametrize("name", ["features", "expectations"])
def test_a_file_that_fails_on_import_is_named_with_its_line(shop: Shop, name: str, text: str, line: int) -> None:
    project = shop.project
    # what is read of the folder does not run it
    shop.code(**{name: text + {"features": FEATURES, "expectations": EXPECTATIONS}[name]})
    inputs = shop.inputs([DAY])
    ingest.run(project, inputs)
    error = failure(lambda: (validate.run(project, inputs), build_features.run(project, inputs)))
    assert (error.problem.where, error.problem.what) == (f"shop/{name}.py:{line}", "fails on import")


def test_assembling_names_its_line_whoever_is_at_fault(shop: Shop) -> None:
    shop.code(features="def assemble(tables):\n    import sys\n    sys.exit(3)\n" + FEATURES.replace("assemble", "old"))
    error = failure(lambda: shop.prepare([DAY]))
    assert "shop/features.py:3" in error.problem.where
    shop.code(features="def assemble(tables):\n    return tables['order']\n" + FEATURES.replace("assemble", "old"))
    with pytest.raises(PartitionRejectedError, match=r"shop/features\.py:2"):
        shop.prepare([DAY])


def test_a_process_that_is_told_to_end_is_no_fault_of_the_project(shop: Shop) -> None:
    with pytest.raises(SystemExit) as told:
        _end(signal.SIGTERM, None)
    with pytest.raises(SystemExit):
        raise code_failure(shop.project, "features", "build_features fails", told.value)


def failure(act: Callable[[], object]) -> NightshiftError:
    with pytest.raises(ProjectCodeError) as caught:
        act()
    assert not caught.value.retryable
    return caught.value
