"""Name the projects that a branch changes: those whose folder differs from a commit of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from include.cli.console import output, print_json
from include.config.discovery import project_folders
from include.config.errors import SettingsError
from include.config.settings import ROOT, Settings


def show_changed_projects(base: str, *, as_json: bool) -> int:
    """Print the names, one a line or as one JSON list, and return 0; a project that was removed is not named.

    Raises:
        SettingsError: `base` is no commit of this checkout, or this is none.
    """
    settings = Settings.from_environment()
    names = changed_projects(settings.projects_dir, base)
    if as_json:
        print_json(names)
    else:
        for name in names:
            output().print(name, markup=False)
    return 0


def changed_projects(projects_dir: Path, base: str, root: Path = ROOT) -> list[str]:
    """Return the projects whose files differ between this commit and where its branch left `base`, sorted.

    Only what is committed counts.

    Raises:
        SettingsError: `base` is no commit of the checkout `root`, or shares no history with this one.
    """
    # resolved first: what follows can be neither an option nor a path
    commit = _git(root, base, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}").strip()
    listed = _git(root, base, "diff", "--name-only", "-z", "--no-renames", f"{commit}...HEAD", "--", str(projects_dir))
    top = Path(_git(root, base, "rev-parse", "--show-toplevel").rstrip("\n"))
    changed = [top / name for name in listed.split("\0") if name]
    return sorted(
        folder.name
        for folder in project_folders(projects_dir)
        if any(path.is_relative_to(folder.resolve()) for path in changed)
    )


def _git(root: Path, base: str, *arguments: str) -> str:
    try:
        asked = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SettingsError(
            "argument BASE",
            "git cannot compare with it",
            got=repr(base),
            allowed=("a commit, branch or tag of this checkout",),
            hint="in GitHub Actions, check out with fetch-depth: 0",
        ) from error
    return asked.stdout
