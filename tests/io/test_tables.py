"""Frames go in and come out alike, the same bytes each time; what is no Parquet is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from include.domain.errors import ChecksumMismatchError, ObjectMissingError, SourceDataError
from include.io.manifests import put_file
from include.io.object_store import ObjectStore
from include.io.tables import from_parquet, get_frame, to_parquet


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(20130101)
    rows = 500
    return pd.DataFrame(
        {
            "day": [date(2013, 1, 1 + number % 28) for number in range(rows)],
            "flight": rng.integers(1, 5000, rows),
            "distance": np.where(rng.random(rows) < 0.1, np.nan, rng.random(rows)),
            "carrier": pd.Series(rng.choice(["AA", "UA", None], rows), dtype="str"),
            "origin": pd.Categorical(rng.choice(["EWR", "JFK"], rows)),
            "late": rng.random(rows) < 0.2,
            "at": pd.date_range("2013-01-01", periods=rows, freq="h", tz="UTC", unit="us"),
        }
    )


def test_a_frame_comes_back_as_it_was(store: ObjectStore, frame: pd.DataFrame) -> None:
    ref = put_file(store, "p/features/rows.parquet", to_parquet(frame), rows=len(frame))
    assert (ref.rows, ref.key) == (500, "p/features/rows.parquet")
    pd.testing.assert_frame_equal(get_frame(store, ref), frame)


def test_equal_frames_give_equal_bytes(frame: pd.DataFrame) -> None:
    data = to_parquet(frame)
    other = from_parquet(data, "rows").copy()
    other.attrs["read from"] = "somewhere"
    other.index = pd.Index(range(7, 507), name="row")
    assert to_parquet(other) == data
    assert to_parquet(frame.assign(flight=frame["flight"] + 1)) != data
    assert to_parquet(frame.iloc[::-1]) != data


def test_a_frame_without_rows_keeps_its_columns(frame: pd.DataFrame) -> None:
    empty = from_parquet(to_parquet(frame.iloc[:0]), "rows")
    assert list(empty.columns) == list(frame.columns)
    assert list(empty.dtypes.astype(str)) == list(frame.dtypes.astype(str))


def test_a_column_of_mixed_types_is_named() -> None:
    with pytest.raises(SourceDataError) as refused:
        to_parquet(pd.DataFrame({"tail": ["N1", 2, 3.5]}), where="flights")
    assert str(refused.value).startswith("flights: a column cannot be stored as a table column; got: ")
    assert "tail" in str(refused.value)
    assert str(refused.value).endswith("; hint: give it one type")


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(SourceDataError, match=r"Duplicate column names found"):
        to_parquet(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize("keep", [0, 3, 8, 100, 0.5, -1, -8, -200])
def test_a_truncated_file_is_refused(frame: pd.DataFrame, keep: float) -> None:
    data = to_parquet(frame)
    short = data[: int(len(data) * keep)] if 0 < keep < 1 else data[: int(keep)]
    with pytest.raises(SourceDataError) as refused:
        from_parquet(short, where="landing/2013-01-01.parquet")
    assert str(refused.value).startswith(
        f"landing/2013-01-01.parquet: not a readable Parquet file; got: {len(short)} bytes: "
    )
    assert not refused.value.retryable


@pytest.mark.parametrize(
    "data", [b"a,b\n1,2\n", b"PAR1" + b"\x00" * 100 + b"PAR1", b"\x93NUMPY" * 30, "{}".encode("utf-16")]
)
def test_what_is_no_parquet_is_refused(data: bytes) -> None:
    with pytest.raises(SourceDataError, match="not a readable Parquet file"):
        from_parquet(data, where="landing/x")


def test_a_flipped_bit_is_noticed(frame: pd.DataFrame) -> None:
    data = bytearray(to_parquet(frame))
    noticed = 0
    places = range(64, len(data) // 2, len(data) // 40)
    for place in places:
        data[place] ^= 1
        try:
            from_parquet(bytes(data), "rows")
        except SourceDataError:
            noticed += 1
        data[place] ^= 1
    assert noticed == len(places)


def test_other_bytes_than_the_manifest_names_are_refused(store: ObjectStore, frame: pd.DataFrame) -> None:
    ref = put_file(store, "p/rows.parquet", to_parquet(frame))
    put_file(store, "p/rows.parquet", to_parquet(frame.iloc[:10]))
    with pytest.raises(ChecksumMismatchError, match=r"rows.parquet: the bytes are not those the manifest names"):
        get_frame(store, ref)
    store.delete("p/rows.parquet")
    with pytest.raises(ObjectMissingError):
        get_frame(store, ref)
