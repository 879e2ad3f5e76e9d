"""Show every problem of every declaration."""

from __future__ import annotations

from rich.markup import escape

from include.cli.console import errors, output
from include.config import check
from include.config.errors import SettingsError
from include.config.settings import Settings


def check_projects(only: str = "") -> int:
    """Print "valid" for each good project, with what is hardly meant, and all problems of the others.

    Returns:
        2 when there are problems; a warning is none.

    Raises:
        UnknownProjectError: `only` is no project.
        SettingsError: There is no project at all.
    """
    settings = Settings.from_environment()
    checked = check.check_projects(settings.projects_dir, only or None)
    if not checked:
        raise SettingsError(str(settings.projects_dir), "no project here", hint="set NIGHTSHIFT_PROJECTS")
    for name, problems in checked.items():
        if not problems:
            output().print(f"{escape(name)}: [green]valid[/green]")
            for warning in check.warnings_of(settings.projects_dir, name):
                errors().print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
        for problem in problems:
            errors().print(str(problem), style="red", markup=False, soft_wrap=True)
    counts = [len(problems) for problems in checked.values() if problems]
    if counts:
        projects = "1 project" if len(counts) == 1 else f"{len(counts)} projects"
        errors().print(f"{sum(counts)} problem{'s' if sum(counts) > 1 else ''} in {projects}")
    return 2 if counts else 0
