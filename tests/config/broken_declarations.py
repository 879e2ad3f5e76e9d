"""List broken declarations, each one change away from a good one, with every message it must give, whole.

`write_all` puts them into one projects folder, beside a good project: what `./nightshift check` must cope with.
"""

from __future__ import annotations

from pathlib import Path

from tests.config.broken_columns import BROKEN_COLUMNS
from tests.config.broken_files import BROKEN_FILES
from tests.config.broken_groups import BROKEN_GROUPS
from tests.config.broken_keys import BROKEN_KEYS
from tests.config.broken_proof import BROKEN_PROOF
from tests.config.broken_relations import BROKEN_RELATIONS
from tests.config.broken_training import BROKEN_TRAINING
from tests.config.broken_value import BROKEN_VALUE
from tests.config.good_declaration import GOOD_DECLARATION, GOOD_FILES, Broken, write_broken, write_good

__all__ = ["BROKEN", "GOOD_DECLARATION", "GOOD_FILES", "Broken", "write_all", "write_broken", "write_good"]

BROKEN: tuple[Broken, ...] = (
    *BROKEN_KEYS,
    *BROKEN_COLUMNS,
    *BROKEN_RELATIONS,
    *BROKEN_GROUPS,
    *BROKEN_FILES,
    *BROKEN_PROOF,
    *BROKEN_VALUE,
    *BROKEN_TRAINING,
)


def write_all(projects_dir: Path, good: str = "a_good_one") -> None:
    """Write every broken project, and one good one, into `projects_dir`."""
    write_good(projects_dir / good)
    for case in BROKEN:
        write_broken(projects_dir, case)
