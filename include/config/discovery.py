"""Find and read the projects: every folder with a `project.yaml` is one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from include.config.errors import DeclarationError, Problem, UnknownProjectError, did_you_mean
from include.config.problems import problems_of
from include.config.project import PROJECT_NAME_PATTERN, Project

DECLARATION = "project.yaml"


@dataclass(frozen=True)
class Discovered:
    """Hold the valid projects by name, and the problems of the broken ones by name."""

    projects: dict[str, Project]
    broken: dict[str, tuple[Problem, ...]]


def project_folders(projects_dir: Path) -> list[Path]:
    """Return the folders that hold a declaration, in name order."""
    return sorted(path.parent for path in projects_dir.glob(f"*/{DECLARATION}"))


def discover(projects_dir: Path) -> Discovered:
    """Read every declaration; a broken one never hides a good one."""
    projects: dict[str, Project] = {}
    broken: dict[str, tuple[Problem, ...]] = {}
    for folder in project_folders(projects_dir):
        try:
            projects[folder.name] = read_project(folder)
        except DeclarationError as error:
            broken[folder.name] = error.problems
    return Discovered(projects, broken)


def load_project(projects_dir: Path, name: str) -> Project:
    """Return the project called `name`.

    Raises:
        UnknownProjectError: No folder of that name holds a declaration.
        DeclarationError: The declaration has problems.
    """
    folder = projects_dir / name
    if not (folder / DECLARATION).is_file():
        known = [path.name for path in project_folders(projects_dir)]
        raise UnknownProjectError(
            str(projects_dir), "no such project", got=repr(name), allowed=known, hint=did_you_mean(name, known)
        )
    return read_project(folder)


def read_project(folder: Path) -> Project:
    """Return the project declared in `folder`.

    Raises:
        DeclarationError: With all problems of the file, not only the first.
    """
    path = folder / DECLARATION
    where = f"{folder.name}/{DECLARATION}"
    if not re.match(PROJECT_NAME_PATTERN, folder.name):
        raise DeclarationError(
            [
                Problem(
                    where,
                    "the folder's name is the project's name and must be lower-case words joined by _",
                    repr(folder.name),
                    (PROJECT_NAME_PATTERN,),
                )
            ]
        )
    declared = _read_yaml(path, where)
    given = sorted({"name", "folder"} & set(declared))
    if given:
        raise DeclarationError(
            [
                Problem(
                    f"{where}: {key}",
                    "the folder is the identity; this key may not be declared",
                    repr(declared[key]),
                    (),
                    f"remove '{key}:'",
                )
                for key in given
            ]
        )
    try:
        return Project.model_validate({**declared, "name": folder.name, "folder": folder.resolve()})
    except ValidationError as error:
        raise DeclarationError(problems_of(error, where, declared)) from error


def _read_yaml(path: Path, where: str) -> dict[str, Any]:
    try:
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError([Problem(where, "cannot be read", str(error))]) from error
    except yaml.YAMLError as error:
        raise DeclarationError([Problem(where, "not valid YAML", " ".join(str(error).split()))]) from error
    if not isinstance(declared, dict):
        raise DeclarationError([Problem(where, "a mapping of keys is needed", type(declared).__name__)])
    return declared
