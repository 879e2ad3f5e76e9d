"""Keep frames as Parquet: the same frame gives the same bytes, and unreadable bytes give one clear error."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from include.config.errors import SourceDataError
from include.io.column_types import from_arrow
from include.io.manifests import FileRef, get_file
from include.io.object_store import ObjectStore

ROW_GROUP_ROWS = 131_072


def to_parquet(frame: pd.DataFrame, where: str = "table") -> bytes:
    """Return `frame` as Parquet bytes; the index and `attrs` are not kept.

    Equal frames give equal bytes (within one version of pyarrow), so a hash of the bytes is a hash of the content.

    Args:
        where: The table's name or key, for the error.

    Raises:
        SourceDataError: A column mixes types that one Parquet column cannot hold, or a column's name is used twice.
    """
    bare = frame.copy(deep=False)
    bare.attrs = {}
    try:
        table = pa.Table.from_pandas(bare, preserve_index=False, nthreads=1)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise SourceDataError(
            where, "a column cannot be stored as a table column", got=_one_line(error), hint="give it one type"
        ) from error
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="zstd", row_group_size=ROW_GROUP_ROWS, write_page_checksum=True, store_schema=True
    )
    return sink.getvalue().to_pybytes()


def from_parquet(data: bytes, where: str) -> pd.DataFrame:
    """Return the frame in Parquet bytes.

    Args:
        where: The file's address or key, for the error.

    Raises:
        SourceDataError: The bytes are cut short, damaged or not Parquet.
    """
    return _read(data, where).to_pandas(use_threads=False)


def raw_from_parquet(data: bytes, where: str) -> pd.DataFrame:
    """Return the frame of raw data in Parquet bytes, its columns by the one rule of all readers.

    Raises:
        SourceDataError: As `from_parquet`, or a column holds values that cannot be read.
    """
    return from_arrow(_read(data, where), where)


def _read(data: bytes, where: str) -> pa.Table:
    # one thread: a task is one of several on the machine, and a forked process must not wait for its parent's pool
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            return file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise SourceDataError(
            where,
            "not a readable Parquet file",
            got=f"{len(data)} bytes: {_one_line(error)}",
            hint="the file is cut short or is something else; have the source deliver it again",
        ) from error


def get_frame(store: ObjectStore, ref: FileRef) -> pd.DataFrame:
    """Return the frame a manifest names, checked by its sha256.

    Raises:
        ObjectMissingError: The file is gone.
        ChecksumMismatchError: The bytes are not those the manifest names.
        SourceDataError: The bytes are not Parquet.
    """
    return from_parquet(get_file(store, ref), where=store.uri(ref.key))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
