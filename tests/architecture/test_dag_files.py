"""Dag files are thin, and Airflow's safe mode sees them: it skips in silence a file without its two words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.sources import python_files, written

DAG_FILES = python_files("dags")


def test_the_dag_families_are_there() -> None:
    assert {"retrain.py", "score.py", "broken_projects.py"} <= {path.name for path in DAG_FILES}


@pytest.mark.parametrize("path", DAG_FILES, ids=written)
def test_a_dag_file_has_the_words_that_safe_mode_looks_for(path: Path) -> None:
    from airflow.utils.file import might_contain_dag

    text = path.read_text(encoding="utf-8").lower()

    assert "airflow" in text and "dag" in text
    assert might_contain_dag(str(path), safe_mode=True)


@pytest.mark.parametrize("path", DAG_FILES, ids=written)
def test_a_dag_file_is_at_most_twenty_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 20


def test_safe_mode_does_skip_a_file_without_the_words(tmp_path: Path) -> None:
    from airflow.utils.file import might_contain_dag

    path = tmp_path / "quiet.py"
    path.write_text("from include.orchestration.retrain import retrain\n\nretrain()\n")

    assert not might_contain_dag(str(path), safe_mode=True)
