"""Run the linters that the checkout brings: of the code, and of what only runs elsewhere (docs/adr/0010)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.cli.console import errors
from include.config.settings import ROOT


@dataclass(frozen=True)
class Linter:
    """Be one program with its arguments.

    Attributes:
        files: What it is given besides, as patterns in the checkout; it does not run where none of them matches.
        everywhere: Whether its package is made for every machine; another one is left out where it is missing.
    """

    command: tuple[str, ...]
    files: tuple[str, ...] = ()
    everywhere: bool = True


WORKFLOWS = (".github/workflows/*.yml",)
COMPOSE = ("docker-compose*.yaml",)
SHELL = ("nightshift", ".ci/run", "docker/**/*.sh")
LINTERS: tuple[Linter, ...] = (
    Linter(("ruff", "check", ".")),
    Linter(("ruff", "format", "--check", ".")),
    Linter(("lint-imports", "--no-cache")),
    Linter(("mypy",)),
    Linter(("check-jsonschema", "--builtin-schema", "vendor.github-workflows"), WORKFLOWS),
    Linter(("check-jsonschema", "--builtin-schema", "vendor.compose-spec"), COMPOSE),
    Linter(("zizmor", "--offline", "--quiet", "--persona=regular"), WORKFLOWS),
    Linter(("shellcheck",), SHELL),
    Linter(("hadolint", "--failure-threshold", "warning"), ("Dockerfile*",), everywhere=False),
)


def run_lint() -> int:
    """Run every linter, also after one has failed; return 1 when any has."""
    failed = []
    for linter, command in _chosen():
        name = linter.command[0]
        program = Path(sys.executable).parent / name
        if not linter.everywhere and not program.exists():
            errors().print(f"{name}: left out, its package is not made for this machine", style="yellow")
            continue
        errors().print(" ".join(command), style="bold", markup=False, soft_wrap=True)
        if subprocess.run([str(program), *command[1:]], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        errors().print(f"failed: {', '.join(failed)}", style="red")
    return 1 if failed else 0


def _chosen() -> Iterator[tuple[Linter, list[str]]]:
    """Yield each linter that has something to look at, with its whole command."""
    for linter in LINTERS:
        files = sorted(str(path.relative_to(ROOT)) for pattern in linter.files for path in ROOT.glob(pattern))
        if files or not linter.files:
            yield linter, [*linter.command, *files]
