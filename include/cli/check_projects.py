"""Show every problem of every declaration."""

from __future__ import annotations

from rich.markup import escape

from include.cli.console import errors, output
from include.config.discovery import discover, load_project
from include.config.errors import DeclarationError, Problem, SettingsError
from include.config.settings import Settings


def check_projects(only: str = "") -> int:
    """Print "valid" for each good project and all problems of the others; return 2 when there are any.

    Raises:
        UnknownProjectError: `only` is no project.
        SettingsError: There is no project at all.
    """
    settings = Settings.from_environment()
    broken: dict[str, tuple[Problem, ...]] = {}
    good: list[str] = []
    if only:
        try:
            good = [load_project(settings.projects_dir, only).name]
        except DeclarationError as error:
            broken = {only: error.problems}
    else:
        found = discover(settings.projects_dir)
        good, broken = list(found.projects), found.broken
    if not good and not broken:
        raise SettingsError(str(settings.projects_dir), "no project here", hint="set NIGHTSHIFT_PROJECTS")
    for name in good:
        output().print(f"{escape(name)}: [green]valid[/green]")
    count = sum(len(problems) for problems in broken.values())
    for problems in broken.values():
        for problem in problems:
            errors().print(str(problem), style="red", markup=False, soft_wrap=True)
    if count:
        projects = "1 project" if len(broken) == 1 else f"{len(broken)} projects"
        errors().print(f"{count} problem{'s' if count > 1 else ''} in {projects}")
    return 2 if broken else 0
