"""Imports run one way: import-linter's contracts hold, and the rooms it does not see keep to theirs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import DAGS, PLUGINS, ROOT, module_level_imports, python_files, written


def _lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", "pyproject.toml"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)


def _copy_include(root: Path) -> None:
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for path in python_files("include"):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def test_every_contract_is_kept() -> None:
    linted = _lint_imports(ROOT)

    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken\.", linted.stdout)


@pytest.mark.parametrize(
    ("room", "statement", "contract"),
    [
        ("ml", "import include.io.keys", "Rooms: imports run one way"),
        ("config", "import include.stages.plan", "Rooms: imports run one way"),
        ("stages", "import airflow", "Only orchestration and the stack know Airflow"),
        ("orchestration", "import include.demo_feed.feed", "The pipeline knows nothing of the demo feed"),
    ],
)
def test_a_contract_is_broken_by_what_it_forbids(tmp_path: Path, room: str, statement: str, contract: str) -> None:
    _copy_include(tmp_path)
    (tmp_path / "include" / room / "intruder.py").write_text(f"{statement}\n")

    linted = _lint_imports(tmp_path)

    assert linted.returncode == 1
    assert f"{contract} BROKEN" in linted.stdout


def test_a_circle_inside_a_room_is_refused_also_when_an_import_is_lazy(tmp_path: Path) -> None:
    _copy_include(tmp_path)
    with (tmp_path / "include" / "io" / "object_store.py").open("a") as interface:
        interface.write("\n\ndef back() -> None:\n    import include.io.stores\n")

    linted = _lint_imports(tmp_path)

    assert linted.returncode == 1
    assert "No circle of imports BROKEN" in linted.stdout


@pytest.mark.parametrize("path", python_files("dags"), ids=written)
def test_a_dag_file_only_asks_orchestration(path: Path) -> None:
    imported = set(module_level_imports(ast.parse(path.read_text(encoding="utf-8"))))

    assert imported - {"__future__"}
    assert {
        name for name in imported if not name.startswith(("include.orchestration", "airflow", "__future__"))
    } == set()


@pytest.mark.parametrize("path", python_files("plugins"), ids=written)
def test_a_plugin_imports_nothing_of_ours_but_config_at_module_level(path: Path) -> None:
    imported = module_level_imports(ast.parse(path.read_text(encoding="utf-8")))

    ours = {name for name in imported if name.split(".")[0] == "include"}
    assert {name for name in ours if not name.startswith("include.config")} == set()


def test_there_are_dags_and_plugins_to_look_at() -> None:
    assert list(DAGS.glob("*.py")), "dags/ is empty"
    assert list(PLUGINS.glob("*.py")), "plugins/ is empty"
