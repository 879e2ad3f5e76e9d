"""`check` warns of what is valid YAML and hardly meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.cli.check import show_problems, warnings_of
from tests.config.good_declaration import write_good


def declare(tmp_path: Path, rule: str) -> Path:
    folder = write_good(tmp_path / "projects" / "shop")
    declaration = folder / "project.yaml"
    text = declaration.read_text()
    assert text.count("  greater_than: 15\n") == 1
    declaration.write_text(text.replace("  greater_than: 15\n", "".join(f"  {line}\n" for line in rule.split("; "))))
    return folder.parent


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        ("equals: Yes", {"Yes": "true"}),
        ("equals: off", {"off": "false"}),
        ('equals: "x"; others: [No, "No", ON]', {"No": "false", "ON": "true"}),
        ("equals: true", {}),
        ('equals: "Yes"', {}),
        ("equals: 1; others: [0]", {}),
    ],
)
def test_a_bare_word_that_yaml_reads_as_a_truth_value_is_told(tmp_path: Path, rule: str, read: dict[str, str]) -> None:
    found = warnings_of(declare(tmp_path, rule), "shop")
    assert [each.got for each in found] == list(read)
    for each in found:
        assert f"bare {each.got} as {read[each.got]}" in each.what
        assert each.where.startswith("shop/project.yaml:")


def test_a_warning_fails_no_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(declare(tmp_path, "equals: Yes")))
    assert show_problems() == 0
    said = capsys.readouterr()
    assert "shop: valid" in said.out
    assert "warning: shop/project.yaml" in said.err
