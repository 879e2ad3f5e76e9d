"""Refuse files that are not whole, or not written as declared: half a file that is read as one becomes history.

A file that ends too early may still be arriving, so that error is retryable; all others are not. Nothing is repaired
here, and what a file looks like instead is said, never assumed.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from include.config.source import CsvFormat
from include.domain.errors import MAX_EXAMPLES, SourceDataError, SourceIncompleteError

_PARQUET = b"PAR1"
# by its first bytes, what a file is that was given the name of a CSV
_OTHER_FORMATS = (
    (_PARQUET, "a Parquet file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"<", "a page of HTML or XML"),
    (b'{"', "JSON"),
    (b"[{", "JSON"),
)
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SINGLE_BYTE = ("latin-1", "windows-1252")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_NUMBER_WITH_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)+")
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)")
_ARRIVING = "the file may still be arriving: have the source write it under another name and rename it when it is whole"
_AGAIN = "have the source deliver the file again"
# the csv module's own bound of a field is lower than what a table may hold
_MAX_FIELD_CHARACTERS = 2**31 - 1


def check_parquet(data: bytes, where: str) -> None:
    """Refuse a Parquet file without its end, in which it says what it holds.

    Raises:
        SourceIncompleteError: Its first bytes are there, its last ones are not.
    """
    if not data or (data.startswith(_PARQUET) and (len(data) < 12 or not data.endswith(_PARQUET))):
        raise SourceIncompleteError(
            where,
            "not a readable Parquet file: its end is missing",
            got=f"{len(data)} bytes",
            allowed=["a file that ends with its footer and the bytes PAR1"],
            hint=_ARRIVING,
        )


def csv_text(data: bytes, form: CsvFormat, where: str) -> str:
    """Return the text of a CSV file in which each row has as many fields as the header, and the last row its newline.

    Args:
        data: The file.
        form: How it is declared to be written.
        where: Table and address, for errors.

    Raises:
        SourceIncompleteError: The file ends too early: within a row, a quoted field, a character or the header.
        SourceDataError: It is something else than declared, has two columns of one name, or rows of another length.
    """
    if not data:
        raise _incomplete(where, "the CSV file is empty, without a header line", "0 bytes")
    for start, name in _OTHER_FORMATS:
        if data.lstrip().startswith(start):
            raise unreadable_csv(data, form, where, f"it looks like {name}")
    text = _decoded(data, form, where)
    if not text.endswith(("\n", "\r")):
        # the last line itself may be of a person
        raise _incomplete(
            where, "the last line of the CSV file has no newline at its end", f"line {_lines(text)}, which may be cut"
        )
    _check_rows(text, data, form, where)
    return text


def refuse_columns_of_one_name(names: Iterable[str], where: str) -> None:
    """Refuse a table in which a name does not say which column is meant.

    Raises:
        SourceDataError: With the names that two columns have.
    """
    twice = sorted(name for name, count in Counter(map(str, names)).items() if count > 1)
    if twice:
        raise SourceDataError(
            where,
            "two columns have one name",
            got=", ".join(repr(name) for name in twice[:MAX_EXAMPLES]),
            allowed=["each column's name once"],
            hint="have the source name them apart (in SQL: AS); which one is meant cannot be guessed",
        )


def refuse_decimal_commas(frame: pd.DataFrame, form: CsvFormat, where: str) -> None:
    """Refuse columns of numbers that are written with commas, where no decimal sign is declared.

    Raises:
        SourceDataError: With the columns.
    """
    if form.decimal is not None:
        return
    # their values may be personal: only the columns are named
    found = [str(name) for name, column in frame.items() if _holds_numbers_with_commas(column)]
    if found:
        raise SourceDataError(
            where,
            "columns look like numbers with commas",
            got=", ".join(found[:MAX_EXAMPLES]),
            allowed=["a point before the decimals, unless declared otherwise"],
            hint="declare csv: {delimiter: ';', decimal: ','} for decimal commas, or decimal: '.' if it is text; "
            "or have the source export plain numbers",
        )


def unreadable_csv(data: bytes, form: CsvFormat, where: str, why: str, hint: str = _AGAIN) -> SourceDataError:
    """Return the error of a CSV file that is not written as declared; a later try finds the same."""
    return SourceDataError(
        where, "the CSV file cannot be read", got=f"{len(data)} bytes; {why}", allowed=[_declared(form)], hint=hint
    )


def _declared(form: CsvFormat) -> str:
    return f"{form.encoding.upper()} text with a header line and {_NAMES[form.delimiter]}"


def _incomplete(where: str, what: str, got: str) -> SourceIncompleteError:
    return SourceIncompleteError(
        where,
        what,
        got=got,
        allowed=["whole rows, each ended by a newline, the last one too"],
        hint=_ARRIVING + ", with a newline at its end",
    )


def _lines(text: str) -> int:
    return len(text.splitlines())


def _decoded(data: bytes, form: CsvFormat, where: str) -> str:
    """Return the characters, without a byte order mark."""
    if form.encoding != "utf-16":
        _refuse_zero_bytes(data, form, where)
    try:
        text = data.decode("utf-8-sig" if form.encoding == "utf-8" else form.encoding)
    except UnicodeDecodeError as error:
        # the error counts from behind the mark that the file may begin with
        read = error.object
        if error.end >= len(read) and ("unexpected end" in error.reason or "truncated" in error.reason):
            raise _incomplete(where, "the CSV file ends within a character", f"{len(data)} bytes") from error
        line = read[: error.start].count(b"\n") + 1
        place = f"byte 0x{read[error.start]:02x} in line {line}"
        looks = "windows-1252" if 0x80 <= read[error.start] <= 0x9F else "latin-1"
        raise _otherwise_encoded(data, form, where, f"{place} is not {form.encoding.upper()}", looks) from error
    if form.encoding in _SINGLE_BYTE and not data.isascii() and _is_utf_8(data):
        # any byte is a letter of Latin-1, but hardly any text of it happens to be UTF-8
        raise _otherwise_encoded(data, form, where, "its letters are written as UTF-8 has them", "utf-8")
    return text


def _refuse_zero_bytes(data: bytes, form: CsvFormat, where: str) -> None:
    """Refuse what only UTF-16 has, and what a disk shows of a file whose bytes have not been written yet."""
    if data.startswith(_UTF_16_MARKS):
        raise _otherwise_encoded(data, form, where, "it begins with the mark of UTF-16", "utf-16")
    zeros = data.count(0)
    if zeros and not data.rstrip(b"\0").count(0) and zeros > 1:
        raise _incomplete(where, "the CSV file ends in zero bytes", f"{zeros} of {len(data)} bytes")
    if zeros:
        looks = "utf-16" if zeros > len(data) // 4 else ""
        raise _otherwise_encoded(data, form, where, "it holds zero bytes", looks)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _otherwise_encoded(data: bytes, form: CsvFormat, where: str, why: str, looks: str) -> SourceDataError:
    said = f"{why}; it looks like {looks.upper()}" if looks else why
    hint = f"declare csv: {{encoding: {looks}}} for the table, or have the source export UTF-8" if looks else _AGAIN
    return unreadable_csv(data, form, where, said, hint)


def _check_rows(text: str, data: bytes, form: CsvFormat, where: str) -> None:
    """Compare each row's number of fields with the header's."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter, strict=True)
    header: list[str] = []
    wrong: list[tuple[int, int]] = []
    last_line = 0
    before = csv.field_size_limit(_MAX_FIELD_CHARACTERS)
    try:
        for row in reader:
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            if not header:
                header = row
                _check_header(header, data, form, where)
            last_line = reader.line_num
            if len(row) != len(header):
                wrong.append((last_line, len(row)))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise _incomplete(where, "the CSV file ends within a quoted field", f"{_lines(text)} lines") from error
        place = f"line {reader.line_num}: {error}"
        raise unreadable_csv(data, form, where, place, "put a field with quotes in quotes, and double those") from error
    finally:
        csv.field_size_limit(before)
    if not header:
        raise _incomplete(where, "the CSV file has no header line", f"{len(data)} bytes")
    if wrong:
        raise _of_other_length(wrong, len(header), last_line, form, where)


def _check_header(header: list[str], data: bytes, form: CsvFormat, where: str) -> None:
    if len(header) == 1:
        others = [sign for sign in _NAMES if sign != form.delimiter and sign in header[0]]
        if others:
            looks = max(others, key=header[0].count)
            shown = "'\\t' in double quotes" if looks == "\t" else f"'{looks}'"
            raise unreadable_csv(
                data,
                form,
                where,
                f"the header is one field with {_NAMES[looks]}; it looks like {_NAMES[looks]} between the fields",
                f"declare csv: {{delimiter: {shown}}} for the table (and decimal: ',' for decimal commas), "
                "or have the source export commas",
            )
    refuse_columns_of_one_name(header, where)


def _of_other_length(
    wrong: list[tuple[int, int]], fields: int, last_line: int, form: CsvFormat, where: str
) -> SourceDataError:
    shown = ", ".join(f"line {line} has {count}" for line, count in wrong[:MAX_EXAMPLES])
    more = f" (+{len(wrong) - MAX_EXAMPLES} more rows)" if len(wrong) > MAX_EXAMPLES else ""
    if wrong[0] == wrong[-1] and wrong[0][0] == last_line:
        what = f"the last row of the CSV file does not have {fields} fields, as the header has"
        return _incomplete(where, what, shown)
    return SourceDataError(
        where,
        f"the CSV file cannot be read: rows do not have {fields} fields, as the header has",
        got=shown + more,
        allowed=[_declared(form), f"{fields} fields in every row"],
        hint="put a field that holds the delimiter in quotes; decimal commas need another delimiter; or the file was "
        "written by two programs at once: have the source deliver it again",
    )


def _holds_numbers_with_commas(column: pd.Series) -> bool:
    """Tell whether each value of a column is a number, and one of them has a comma."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    found = False
    for value in column.dropna():
        if not isinstance(value, str):
            return False
        if _NUMBER_WITH_COMMA.fullmatch(value.strip()):
            found = True
        elif not _PLAIN_NUMBER.fullmatch(value.strip()):
            return False
    return found
