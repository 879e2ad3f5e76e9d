"""Check declarations: every problem of every project, and what is valid but hardly meant."""

from __future__ import annotations

from pathlib import Path

import yaml
from rich.markup import escape

from include.cli.console import errors, output
from include.config.project_folder import read_written
from include.config.settings import Settings
from include.domain.errors import DeclarationError, Problem, SettingsError, UnknownProjectError, did_you_mean


def check_projects(projects_dir: Path, name: str | None = None) -> dict[str, tuple[Problem, ...]]:
    """Return the problems of every project (or of the one called `name`) by name, in name order.

    A project without problems is there with an empty tuple.

    Raises:
        SettingsError: The projects folder does not exist.
        UnknownProjectError: No folder is called `name`.
    """

    from include.config.discovery import project_folders, shown_name

    if not projects_dir.is_dir():
        raise SettingsError(
            "the projects folder", "it does not exist", got=projects_dir, hint="set NIGHTSHIFT_PROJECTS to it"
        )
    folders = {shown_name(folder): folder for folder in project_folders(projects_dir)}
    if name is not None and name not in folders:
        raise UnknownProjectError(
            str(projects_dir),
            "no such project",
            got=repr(name),
            allowed=tuple(folders),
            hint=did_you_mean(name, folders),
        )
    wanted = folders if name is None else {name: folders[name]}
    return {folder_name: _problems(folder) for folder_name, folder in wanted.items()}


def _problems(folder: Path) -> tuple[Problem, ...]:
    from include.config.discovery import read_project

    try:
        read_project(folder)
    except DeclarationError as error:
        return error.problems
    return ()


def warnings_of(projects_dir: Path, name: str) -> tuple[Problem, ...]:
    """Return what is valid in the declaration of the project called `name` and hardly meant.

    YAML reads a bare Yes, No, On or Off as a truth value: a target that equals it matches no text.
    """

    from include.config.discovery import DECLARATION

    written = read_written(projects_dir / name / DECLARATION, f"{name}/{DECLARATION}")
    found = []
    for path, node in written.nodes.items():
        of_target = path[:2] in (("target", "equals"), ("target", "others"))
        if not of_target or not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(":bool"):
            continue
        if node.value.lower() in ("true", "false"):
            continue
        truth = str(written.value(path)).lower()
        found.append(
            Problem(
                written.place(path),
                f"YAML reads a bare {node.value} as {truth}, a truth value, which equals no text",
                node.value,
                (f'"{node.value}" in quotes for the text', f"{truth} for a truth value"),
            )
        )
    return tuple(found)


def show_problems(only: str = "") -> int:
    """Print "valid" for each good project, with what is hardly meant, and all problems of the others.

    Returns:
        2 when there are problems; a warning is none.

    Raises:
        UnknownProjectError: `only` is no project.
        SettingsError: There is no project at all.
    """
    settings = Settings.from_environment()
    checked = check_projects(settings.projects_dir, only or None)
    if not checked:
        raise SettingsError(str(settings.projects_dir), "no project here", hint="set NIGHTSHIFT_PROJECTS")
    for name, problems in checked.items():
        if not problems:
            output().print(f"{escape(name)}: [green]valid[/green]")
            for warning in warnings_of(settings.projects_dir, name):
                errors().print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)
        for problem in problems:
            errors().print(str(problem), style="red", markup=False, soft_wrap=True)
    counts = [len(problems) for problems in checked.values() if problems]
    if counts:
        projects = "1 project" if len(counts) == 1 else f"{len(counts)} projects"
        errors().print(f"{sum(counts)} problem{'s' if sum(counts) > 1 else ''} in {projects}")
    return 2 if counts else 0
