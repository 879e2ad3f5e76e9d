"""Check all declarations at once: what `./nightshift check` prints."""

from __future__ import annotations

from pathlib import Path

import yaml

from include.config.declaration_file import read_written
from include.config.discovery import DECLARATION, project_folders, read_project, shown_name
from include.config.errors import DeclarationError, Problem, SettingsError, UnknownProjectError, did_you_mean


def check_projects(projects_dir: Path, name: str | None = None) -> dict[str, tuple[Problem, ...]]:
    """Return the problems of every project (or of the one called `name`) by name, in name order.

    A project without problems is there with an empty tuple.

    Raises:
        SettingsError: The projects folder does not exist.
        UnknownProjectError: No folder is called `name`.
    """
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
    try:
        read_project(folder)
    except DeclarationError as error:
        return error.problems
    return ()


def warnings_of(projects_dir: Path, name: str) -> tuple[Problem, ...]:
    """Return what is valid in the declaration of the project called `name` and hardly meant.

    YAML reads a bare Yes, No, On or Off as a truth value: a target that equals it matches no text.
    """
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
