from __future__ import annotations

import pytest

from include.config.settings import training_threads
from include.domain.errors import SettingsError


@pytest.mark.parametrize(("text", "threads"), [("", 1), ("2", 2), (" 8 ", 8)])
def test_one_variable_sets_the_threads(text: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_THREADS", text)
    assert training_threads() == threads


@pytest.mark.parametrize("text", ["0", "-1", "two", "257"])
def test_what_is_no_number_of_threads_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_THREADS", text)
    with pytest.raises(SettingsError) as caught:
        training_threads()
    assert str(caught.value) == (
        f"environment variable NIGHTSHIFT_THREADS: a number of threads is needed; got: {text!r}; allowed: 1-256"
    )
