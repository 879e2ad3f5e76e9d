"""Check the index of the Data Docs: no line is lost, and it never grows without bound."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from include.domain.errors import StoreError
from include.io import data_docs, keys
from include.io.data_docs import IndexLine, merge_index, page_path, publish_day, publish_index, read_index, suite_path
from include.io.local_store import LocalStore
from include.io.object_store import StoredObject

FIRST = date(2024, 1, 1)


def line(number: int, **changes: object) -> IndexLine:
    fields = {"day": FIRST + timedelta(days=number), "status": "passed", "rows": 10, "set_aside": 0}
    return IndexLine.model_validate({**fields, **changes})


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(f"file://{tmp_path}")


def lines(store: LocalStore) -> tuple[IndexLine, ...]:
    return read_index(store.get(keys.data_docs("shop")))


def test_lines_are_merged_newest_first_and_replaced_by_day(store: LocalStore) -> None:
    merge_index(store, "shop", [line(0), line(2)])
    merge_index(store, "shop", [line(1), line(2, status="rejected", set_aside=9)])
    assert lines(store) == (line(2, status="rejected", set_aside=9), line(1), line(0))


def test_only_the_newest_days_are_kept(store: LocalStore) -> None:
    merge_index(store, "shop", [line(number) for number in range(data_docs.MAX_DAYS)])
    merge_index(store, "shop", [line(data_docs.MAX_DAYS)])
    assert len(lines(store)) == data_docs.MAX_DAYS
    assert (lines(store)[0].day, lines(store)[-1].day) == (FIRST + timedelta(days=400), FIRST + timedelta(days=1))


def test_a_batch_that_ends_in_between_loses_no_line(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_index(store, "shop", [line(0)])
    read = LocalStore.read
    others = iter([line(1), line(2)])

    def read_then_lose(self: LocalStore, key: str) -> StoredObject:
        found = read(self, key)
        other = next(others, None)
        if other is not None:
            with monkeypatch.context() as plain:
                plain.setattr(LocalStore, "read", read)
                merge_index(self, "shop", [other])
        return found

    monkeypatch.setattr(LocalStore, "read", read_then_lose)
    merge_index(store, "shop", [line(3)])
    assert [one.day.day for one in lines(store)] == [4, 3, 2, 1]


def test_losing_for_ever_is_an_error(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    merge_index(store, "shop", [line(0)])
    monkeypatch.setattr(LocalStore, "read", lambda *_: StoredObject(b"", "never this"))
    with pytest.raises(StoreError, match="other runs kept changing the index; got: 20 lost writes"):
        merge_index(store, "shop", [line(1)])


def test_what_data_says_cannot_break_the_page(store: LocalStore) -> None:
    evil = line(0, findings=("</script><script>alert(1)</script>",))
    merge_index(store, "shop", [evil])
    assert lines(store) == (evil,)
    assert b"<script>alert" not in store.get(keys.data_docs("shop"))


def test_a_page_that_is_not_ours_has_no_lines() -> None:
    assert read_index(b"<html></html>") == ()


def test_the_pages_lead_to_each_other(store: LocalStore, tmp_path: Path) -> None:
    day = line(0, path=page_path("shop", FIRST, "s1"), status="rejected", set_aside=3, findings=("a < b: 3 rows",))
    publish_day(store, "shop", day, "<html><body><p>all results</p></body></html>")
    publish_index(store, "shop", "<body><p>all rules</p></body>", [day])
    home = (tmp_path / keys.data_docs("shop")).parent
    pages = {name: home / name for name in ("index.html", day.path, suite_path("shop"))}

    def targets(page: Path) -> set[Path]:
        return {(page.parent / target).resolve() for target in re.findall(r'href="([^"#]*)"', page.read_text())}

    index, result, rules = (page.resolve() for page in pages.values())
    assert [targets(page) for page in (index, result, rules)] == [{result, rules}, {index, rules}, {index}]
    text = pages[day.path].read_text()
    assert "<p>all results</p>" in text
    assert '<h1>shop, 2024-01-01 <span class="rejected">rejected</span></h1>' in text
    assert "10 rows, 3 of them set aside." in text
    assert "a &lt; b: 3 rows" in text
    assert "<p>all rules</p>" in pages[suite_path("shop")].read_text()
