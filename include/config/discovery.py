"""Find and read the projects: every folder with a `project.yaml` is one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from include.config.error_rendering import validated
from include.config.project import PROJECT_NAME_PATTERN, Project
from include.config.project_folder import content_digest, folder_problems, read_written
from include.domain.errors import DeclarationError, Problem, UnknownProjectError, did_you_mean

DECLARATION = "project.yaml"
# what this process has read, by folder: the hash of the content, and the project or what was wrong with it
_READ: dict[Path, tuple[str, Project | tuple[Problem, ...]]] = {}
_MAX_KEPT = 500


@dataclass(frozen=True)
class Discovered:
    """Hold the valid projects by name, and the problems of the broken ones by name."""

    projects: dict[str, Project]
    broken: dict[str, tuple[Problem, ...]]


def project_folders(projects_dir: Path) -> list[Path]:
    """Return the folders that are, or look as if they should be, projects, in name order.

    A folder with code or YAML but without a declaration is among them: it must be noticed, not passed over.
    """
    return sorted(folder for folder in projects_dir.glob("*/") if _may_be_a_project(folder))


def _may_be_a_project(folder: Path) -> bool:
    if folder.name.startswith(("_", ".")):
        return False
    try:
        return any(path.suffix in (".py", ".yaml", ".yml") for path in folder.iterdir())
    except OSError:
        return True


def discover(projects_dir: Path) -> Discovered:
    """Read every declaration; a broken one never hides a good one."""
    projects: dict[str, Project] = {}
    broken: dict[str, tuple[Problem, ...]] = {}
    for folder in project_folders(projects_dir):
        try:
            projects[folder.name] = read_project(folder)
        except DeclarationError as error:
            broken[shown_name(folder)] = error.problems
    return Discovered(projects, broken)


def load_project(projects_dir: Path, name: str) -> Project:
    """Return the project called `name`; no other is read.

    Raises:
        UnknownProjectError: No folder has that name.
        DeclarationError: The declaration has problems.
    """
    if is_project_folder(projects_dir, name):
        return read_project(projects_dir / name)
    known = [folder.name for folder in project_folders(projects_dir)]
    raise UnknownProjectError(
        str(projects_dir), "no such project", got=repr(name), allowed=tuple(known), hint=did_you_mean(name, known)
    )


def is_project_folder(projects_dir: Path, name: str) -> bool:
    """Tell whether `name` is one of `project_folders`, whether or not it is broken; no other is looked at."""
    try:
        # as it is written on disk: some file systems take Shop for shop
        there = any(path.name == name for path in projects_dir.iterdir()) and (projects_dir / name).is_dir()
    except OSError:
        return False
    return there and _may_be_a_project(projects_dir / name)


def read_project(folder: Path) -> Project:
    """Return the project declared in `folder`; while its files say the same, what was read is kept.

    Raises:
        DeclarationError: With all problems of the file and the folder, not only the first. Whatever goes wrong while
            the folder is read is such a problem: it breaks no other project.
    """
    content = _content(folder)
    of, known = _READ.get(folder, ("", ()))
    found = known if of == content else _read(folder, content)
    if isinstance(found, Project):
        return found
    raise DeclarationError(found)


def _read(folder: Path, content: str | None) -> Project | tuple[Problem, ...]:
    """Return the project, or its problems; keep it where it is still what `content` is the hash of."""
    try:
        project, problems = _examined(folder)
    except Exception as error:
        got = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise DeclarationError([Problem(f"{shown_name(folder)}/", "cannot be read", _printable(str(got)))]) from error
    if project is None or problems:
        found: Project | tuple[Problem, ...] = tuple(
            replace(problem, where=_printable(problem.where)) for problem in problems
        )
    else:
        found = project
    if content is not None and content == _content(folder):
        if len(_READ) >= _MAX_KEPT:
            _READ.clear()
        _READ[folder] = (content, found)
    return found


def _content(folder: Path) -> str | None:
    try:
        return content_digest(folder, DECLARATION)
    except (OSError, RuntimeError):
        # a chain of links without an end, among others: whoever reads the folder says so
        return None


def is_project_name(name: str) -> bool:
    """Tell whether a project may be called so."""
    return re.fullmatch(PROJECT_NAME_PATTERN, name) is not None


def shown_name(folder: Path) -> str:
    """Return a folder's name as text: on disk it is bytes, and not every terminal and database takes all of them."""
    return _printable(folder.name)


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _examined(folder: Path) -> tuple[Project | None, list[Problem]]:
    where = f"{folder.name}/{DECLARATION}"
    if not os.path.lexists(folder / DECLARATION):
        return None, [_undeclared(folder)]
    problems = []
    name_is_valid = is_project_name(folder.name)
    if not name_is_valid:
        problems.append(
            Problem(
                f"{folder.name}/",
                "the folder's name is the project's name: 2 to 50 lower-case letters, digits and _, a letter first",
                shown_name(folder),
                (PROJECT_NAME_PATTERN,),
            )
        )
    written = read_written(folder / DECLARATION, where)
    problems += written.problems
    for key in ("name", "folder"):
        if key in written.values:
            del written.values[key]
            what = "the folder is the identity; this key may not be declared"
            problems.append(Problem(written.place((key,)), what, written.got((key,)), (), f"remove '{key}:'"))
    project = None
    if written.readable:
        name = folder.name if name_is_valid else "unnamed"
        project, found = validated(written, name, str(folder.resolve()))
        problems += found
    return project, problems + folder_problems(folder)


def _undeclared(folder: Path) -> Problem:
    others = sorted(path.name for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    hint = f"rename {others[0]} to {DECLARATION}" if others else f"write its {DECLARATION}, or move the folder away"
    return Problem(f"{folder.name}/{DECLARATION}", "the file is missing, so the folder is no project", hint=hint)
