"""Tell a whole CSV from half a one, and one that is written otherwise than declared from a good one."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pytest

from include.config.source import CsvFormat
from include.domain.errors import SourceDataError, SourceIncompleteError
from include.io.file_integrity import csv_text, refuse_columns_of_one_name, refuse_decimal_commas
from include.io.tables import to_parquet

FRAME = pd.DataFrame({"id": [1, 2, 3], "note": ['say "no", twice', "two\nlines", "Zoë"], "amount": [1.5, None, 44.38]})
WHOLE = FRAME.to_csv(index=False)
GERMAN = CsvFormat(delimiter=";", decimal=",", encoding="windows-1252")


def refusal(data: bytes, form: CsvFormat | None = None) -> SourceDataError:
    with pytest.raises(SourceDataError) as caught:
        csv_text(data, form or CsvFormat(), "shop/2024-03-01: table 'a'")
    return caught.value


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (WHOLE.encode(), CsvFormat()),
        (WHOLE.encode("utf-8-sig"), CsvFormat()),
        (WHOLE.replace("\n", "\r\n").encode(), CsvFormat()),
        (WHOLE.encode("utf-16"), CsvFormat(encoding="utf-16")),
        (WHOLE.encode("latin-1"), CsvFormat(encoding="latin-1")),
        (FRAME.to_csv(index=False, sep=";", decimal=",").encode("cp1252"), GERMAN),
        (FRAME.to_csv(index=False, sep="\t").encode(), CsvFormat(delimiter="\t")),
        (b"id\n1\n\n2\n", CsvFormat()),
        (b"id,note\n1," + b"x" * 200_000 + b"\n", CsvFormat()),
        (b",id\n0,1\n", CsvFormat()),
    ],
    ids=[
        "plain",
        "mark",
        "CRLF",
        "UTF-16",
        "Latin-1",
        "German",
        "tabs",
        "blank line",
        "a long field",
        "a column without a name",
    ],
)
def test_a_whole_file_is_taken(data: bytes, form: CsvFormat) -> None:
    text = csv_text(data, form, "table")
    assert text.startswith(("id", ",id"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_no_part_of_a_file_is_taken_for_the_whole(encoding: str) -> None:
    data = WHOLE.encode(encoding)
    for end in range(len(data)):
        if data[:end].endswith(b"\n") and data[:end].count(b'"') % 2 == 0:
            # whole rows: nothing in the bytes says that more were to come
            continue
        assert isinstance(refusal(data[:end]), SourceIncompleteError), data[:end]


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"", None),
        (b"\n\n", None),
        (b"id,amount\n1,2\n3\n", None),
        (b"id,amount\n1,44.0", None),
        (b'id,amount\n1,"2\n', None),
        (b"id,amount\n1,2\n\0\0\0\0", None),
        ("id,name\n1,Zoë".encode()[:-1], None),
        ("id,name\n1,Zoë\n".encode("utf-16")[:-1], CsvFormat(encoding="utf-16")),
    ],
    ids=["nothing", "no header", "short last row", "cut number", "open quote", "zeros", "half a letter", "half a unit"],
)
def test_what_may_still_be_arriving_is_worth_another_try(data: bytes, form: CsvFormat | None) -> None:
    error = refusal(data, form)
    assert error.retryable
    assert "rename it when it is whole" in error.problem.hint


@pytest.mark.parametrize(
    ("data", "form", "said"),
    [
        (b"id,amount\n1,2,3\n4,5\n", None, "line 2 has 3"),
        (b"id,amount\n1\n4,5\n1\n", None, "line 2 has 1, line 4 has 1"),
        (b'id,amount\n1,"2"3\n', None, "line 2"),
        (b"id;amount\n1;2,5\n", None, "delimiter: ';'"),
        (b"id\tamount\n1\t2\n", None, "delimiter: '\\t'"),
        (b"id|amount\n1|2\n", None, "delimiter: '|'"),
        (b"id,amount\n1,2\n", GERMAN, "delimiter: ','"),
        ("id,name\n1,Zoë\n".encode("latin-1"), None, "encoding: latin-1"),
        ("id,name\n1,5 €\n".encode("cp1252"), None, "encoding: windows-1252"),
        ("id,name\n1,Zoë\n".encode("utf-16"), None, "encoding: utf-16"),
        ("id,name\n1,Zoë\n".encode("utf-16-le"), None, "encoding: utf-16"),
        ("id;name\n1;Zoë\n".encode(), GERMAN, "encoding: utf-8"),
        (b"id,amount\n1,\0\n2,3\n", None, "zero bytes"),
        (b"id,amount,amount\n1,2,3\n", None, "two columns have one name; got: 'amount'"),
        (b",a,\n1,2,3\n", None, "two columns have one name; got: ''"),
        (to_parquet(FRAME), None, "a Parquet file"),
        (gzip.compress(WHOLE.encode(), mtime=0), None, "a gzip archive"),
        (b"PK\x03\x04\x14", None, "an Excel workbook"),
        (b"<!doctype html>\n<html></html>\n", None, "HTML"),
        (json.dumps([{"id": 1}]).encode(), None, "JSON"),
    ],
)
def test_what_is_written_otherwise_is_said_and_not_tried_again(data: bytes, form: CsvFormat | None, said: str) -> None:
    error = refusal(data, form)
    assert not error.retryable
    assert said in str(error)


def test_many_wrong_rows_are_one_error() -> None:
    error = refusal(b"id,amount\n" + b"1,2,5\n" * 1000)
    assert "(+995 more rows)" in error.problem.got


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        (["1,5", "2", None], True),
        (["1.234,50", "-7"], True),
        (["1,234"], True),
        (["1,5", "a"], False),
        (["a", "b"], False),
        (["1", "2"], False),
        ([1.5, 2.0], False),
        (["2024.03.01,5", "1,5"], False),
        ([None, None], False),
    ],
)
def test_numbers_with_commas_are_refused_until_declared(values: list[object], refused: bool) -> None:
    frame = pd.DataFrame({"amount": values})
    refuse_decimal_commas(frame, CsvFormat(decimal="."), "table")
    if not refused:
        refuse_decimal_commas(frame, CsvFormat(), "table")
        return
    with pytest.raises(SourceDataError, match="numbers with commas") as caught:
        refuse_decimal_commas(frame, CsvFormat(), "table")
    assert caught.value.problem.got == "amount"
    assert "decimal: ','" in caught.value.problem.hint


def test_each_name_is_one_column() -> None:
    refuse_columns_of_one_name(["a", "A", "b"], "table")
    with pytest.raises(SourceDataError, match="two columns have one name; got: 'a', 'b'"):
        refuse_columns_of_one_name(["b", "a", "b", "a", "a", "c"], "table")
