"""Hold the table of docs/bench.md to the candidates of the bench."""

from __future__ import annotations

import re

from include.config.settings import ROOT
from tests.integration.bench.cases import CASES

ROW = re.compile(r"^\| `(?P<name>\w+)` \| .+ \| (?P<verdict>[A-Z]+) \| (?P<gates>.*)\|$", re.MULTILINE)


def test_the_table_says_what_the_bench_expects() -> None:
    table = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    rows = {row["name"]: row for row in ROW.finditer(table)}
    assert {name: row["verdict"] for name, row in rows.items()} == {case.name: case.verdict for case in CASES}
    for case in CASES:
        assert [kind for kind in case.fails if f"`{kind}`" not in rows[case.name]["gates"]] == [], case.name
