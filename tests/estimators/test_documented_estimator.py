"""docs/add-an-estimator.md, followed literally in a copy of the code: one new file, the schema, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.config.estimators import estimators
from include.config.settings import ROOT

PAGE = ROOT / "docs" / "add-an-estimator.md"
TRIED = """
import json, sys
import numpy as np
import pandas as pd
from include.config.identity import model_code
from include.config.discovery import read_project
from include.config.estimators import estimators
from include.config.project import Features
from include.io.model_files import dump_model, load_model
from include.ml.estimators import build_estimator, positive_scores
table = pd.DataFrame({"a": np.random.default_rng(0).normal(size=200)})
labels = (table["a"] > 0).astype(int)
def make():
    model = build_estimator(sys.argv[1], {"shrinkage": 0.1}, Features(numeric=("a",)), seed=1, threads=1)
    return model.fit(table, labels)
data = dump_model(make())
again = positive_scores(load_model(data, "here"), table)
print(json.dumps({
    "estimators": list(estimators()),
    "same_bytes": data == dump_model(make()),
    "same_answers": bool(np.array_equal(again, positive_scores(make(), table))),
    "others": model_code("logistic_regression"),
}))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the code with the page's file in it, after the page's commands."""
    folder = tmp_path_factory.mktemp("checkout")
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "include", folder / "include", ignore=left_out)
    (folder / "docs" / "schemas").mkdir(parents=True)
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.S)
    (folder / code[0]).write_text(code[1], encoding="utf-8")
    (command,) = re.findall(r"```sh\n\.venv/bin/python (.+?) +#", text)
    subprocess.run([sys.executable, *command.split()], cwd=folder, check=True)
    return folder


def ran(folder: Path, *command: str) -> str:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_one_file_and_the_schema_are_all(checkout: Path) -> None:
    ours = {path.relative_to(ROOT): path for path in (ROOT / "include").rglob("*") if path.suffix in (".py", ".json")}
    theirs = {
        path.relative_to(checkout): path
        for path in (checkout / "include").rglob("*")
        if path.suffix in (".py", ".json")
    }
    assert {str(path) for path in theirs.keys() - ours.keys()} == {"include/estimators/discriminant.py"}
    changed = {str(path) for path, file in ours.items() if file.read_bytes() != theirs[path].read_bytes()}
    assert changed == {"include/projects/project.schema.json"}
    assert "discriminant_analysis" in theirs[Path("include/projects/project.schema.json")].read_text(encoding="utf-8")


def test_it_trains_is_kept_without_pickle_and_answers_the_same(checkout: Path) -> None:
    from include.config.identity import model_code

    said = json.loads(ran(checkout, "-c", TRIED, "discriminant_analysis").splitlines()[-1])
    assert set(said["estimators"]) == {*estimators(), "discriminant_analysis"}
    assert said["same_bytes"] and said["same_answers"]
    assert said["others"] == model_code("logistic_regression"), "a new family changes no other model's identity"


def test_a_declaration_names_it_and_its_parameters_are_held_to_their_ranges(checkout: Path) -> None:
    declaration = checkout / "include" / "projects" / "flight_delay" / "project.yaml"
    text = declaration.read_text(encoding="utf-8")
    declared = re.sub(
        r"estimator: logistic_regression\n(\s+)params: \{[^}]*\}",
        r"estimator: discriminant_analysis\n\1params: {shrinkage: 3}",
        text,
    )
    assert declared != text
    declaration.write_text(declared, encoding="utf-8")
    program = (
        "from pathlib import Path\nfrom include.config.discovery import load_project\n"
        "try: load_project(Path('include/projects'), 'flight_delay')\nexcept Exception as error: print(error)"
    )
    said = ran(checkout, "-c", program)
    assert "shrinkage" in said and "a number, at least 0, at most 1, or one of the allowed values" in said
    declaration.write_text(declared.replace("shrinkage: 3", "shrinkage: auto"), encoding="utf-8")
    assert ran(checkout, "-c", program) == ""


def test_the_page_lists_every_estimator() -> None:
    listed = set(
        re.findall(
            r"`([a-z_]+)`",
            "\n".join(
                line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
            ),
        )
    )
    assert listed == set(estimators())
