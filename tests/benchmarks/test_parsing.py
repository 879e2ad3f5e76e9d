"""The measurement of what a parse costs parses every Dag of the projects that it makes, and as many empty ones."""

from __future__ import annotations

from benchmarks.parsing import measure


def test_a_parse_of_two_projects_is_measured_beside_two_empty_dags() -> None:
    found = measure(projects=2, rounds=1)
    # a retrain and a score Dag each; rollback, pin and retention
    assert (found.projects, found.dags) == (2, 7)
    assert found.ours > 0
    assert found.ratio == found.ours / found.empty
