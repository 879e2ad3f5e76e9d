"""Keep modules importable by their former names, for programs that were written before; our own code uses the new ones.

A folder of files that only point elsewhere would lead whoever looks for a thing by its name astray.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# by former name: the module of today, and names in it that have changed
FORMER: dict[str, tuple[str, dict[str, str]]] = {
    "include.config.errors": ("include.domain.errors", {}),
    "include.config.results": ("include.domain.results", {}),
    "include.operations.acts": ("include.operations.manual_action", {"Act": "ManualAction"}),
    "include.operations.promotion": ("include.operations.champion", {}),
}


class FormerNames(MetaPathFinder, Loader):
    """Find a module under its former name; what is in it is what is in the module of today."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a former name, and None for every other."""
        return ModuleSpec(fullname, self) if fullname in FORMER else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with what is now elsewhere."""
        place, renamed = FORMER[module.__name__]
        now = vars(import_module(place))
        names = {name: value for name, value in now.items() if not name.startswith("__")}
        vars(module).update(names, **{former: now[name] for former, name in renamed.items()})


def install() -> None:
    """Make the former names importable, once a process."""
    if not any(isinstance(finder, FormerNames) for finder in sys.meta_path):
        sys.meta_path.append(FormerNames())
