"""Hold the pages of Great Expectations to needing nothing else, and to showing what failed."""

from __future__ import annotations

import re

import great_expectations.expectations as gxe
import pandas as pd
import pytest

from include.io.data_docs import adopt, whole_page
from include.io.expectations import SuiteRunner

RUNNER = SuiteRunner(
    "demo",
    (
        gxe.ExpectColumnValuesToBeBetween(column="price", min_value=0),
        gxe.ExpectColumnValuesToNotBeNull(column="name"),
        gxe.ExpectColumnMeanToBeBetween(column="gone", min_value=0),
        gxe.ExpectColumnKLDivergenceToBeLessThan(
            column="name", partition_object={"values": ["a", "b"], "weights": [0.1, 0.9]}, threshold=0.01
        ),
    ),
    (),
)
FRAME = pd.DataFrame({"price": [1.0, -2.0], "name": ["a", "b"]})


@pytest.fixture(scope="module")
def day_page() -> str:
    return RUNNER.run(FRAME).as_page()


def test_the_pages_of_great_expectations_do_reach_out(day_page: str) -> None:
    """When this fails, they no longer do, and this module can go."""
    assert re.search(r'<script src="https://', day_page)
    assert re.search(r'<link rel="stylesheet" href="https://', day_page)


@pytest.mark.parametrize("kind", ["day", "suite"])
def test_an_adopted_page_reaches_nothing_and_runs_nothing(day_page: str, kind: str) -> None:
    page = adopt(day_page if kind == "day" else RUNNER.as_page(), "title", "<h1>header</h1>")
    assert "//" not in re.sub(r"https?://(?![^<>]*>)", "", page)
    assert not re.search(r"<(script|link|img|iframe|object|embed|base)\b", page)
    assert not re.search(r"<[^<>]* on\w+=", page)
    assert "@import" not in page and "url(" not in page
    assert page.index("<h1>header</h1>") < page.index("price")


def test_what_was_found_is_all_there(day_page: str) -> None:
    page = adopt(day_page, "title", "")
    for text in ("values must be greater than or equal to", "1 unexpected values found. 50% of 2 total rows.", "-2.0"):
        assert text in page
    assert 'The column "gone" in BatchData does not exist' in page.replace("&quot;", '"').replace("&#34;", '"')


def test_columns_with_a_failure_are_marked_in_the_contents() -> None:
    frame = FRAME.assign(gone=1)
    page = adopt(RUNNER.run(frame).as_page(), "title", "")
    links = re.findall(r'<a class="([^"]*)" href="#section-\d+"[^>]*>\s*(?:<strong>)?\s*([\w -]+?)\s*<', page)
    marked = {text for classes, text in links if "failed" in classes}
    assert marked == {"Overview", "price", "name"}
    assert {text for _, text in links} == {"Overview", "price", "name", "gone"}


@pytest.mark.parametrize(
    "foreign",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC='https://x.example/a.js'></SCRIPT >",
        "<script src=x>",
        '<link rel="stylesheet" href="https://x.example/a.css"/>',
        '<img src="https://x.example/a.png" alt="a">',
        '<meta http-equiv="refresh" content="0;url=https://x.example">',
        '<iframe src="https://x.example"></iframe>',
        "<style>@import 'https://x.example'</style>",
    ],
)
def test_foreign_elements_are_dropped(foreign: str) -> None:
    page = adopt(f"<html><body class='a'>before{foreign}after</body></html>", "title", "")
    assert "beforeafter" in page


def test_handlers_are_dropped_and_text_that_looks_like_one_is_kept() -> None:
    page = adopt("""<body><a class="a" onclick="b()" onfocus='c()' href="#d">one on="1"</a></body>""", "title", "")
    assert """<a class="a" href="#d">one on="1"</a>""" in page


def test_the_title_is_text() -> None:
    assert "<title>a &lt;b&gt;</title>" in whole_page("a <b>", "")


def test_the_same_results_give_the_same_bytes(day_page: str) -> None:
    again = RUNNER.run(FRAME).as_page()
    assert again != day_page
    assert adopt(again, "title", "header") == adopt(day_page, "title", "header")


def test_ids_in_the_data_are_kept() -> None:
    order = "123e4567-e89b-42d3-a456-426614174000"
    assert order in adopt(f"<body><p>{order} </p></body>", "title", "header")
