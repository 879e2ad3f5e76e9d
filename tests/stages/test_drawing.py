"""What only people read ends no night: what cannot be drawn is a note; a silent store is asked again."""

from __future__ import annotations

import pytest

from include.domain.errors import ChecksumMismatchError, StoreError
from include.reports.templates import drawn, note_page


def failing(error: Exception) -> str:
    raise error


def test_what_can_be_drawn_is_taken() -> None:
    assert drawn("the page", lambda: "drawn", failing) == "drawn"


@pytest.mark.parametrize("error", [ValueError("no <b>"), ZeroDivisionError(), ChecksumMismatchError("rows", "damaged")])
def test_what_cannot_be_drawn_is_a_note(error: Exception) -> None:
    note = drawn("the page", lambda: failing(error), lambda note: note)
    assert note.startswith(f"the page could not be drawn: {type(error).__name__}")
    page = note_page("shop", "said", note)
    assert "<b>" not in page
    assert "could not be drawn" in page


def test_a_store_that_does_not_answer_is_asked_again() -> None:
    with pytest.raises(StoreError):
        drawn("the page", lambda: failing(StoreError("store", "gone")), lambda note: note)
