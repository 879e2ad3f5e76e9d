"""Serve the workflows of GitHub Actions: changed projects, comments on pull requests, release notes, the image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from include.cli.console import output, print_json
from include.cli.options import NAME, AsJson
from include.cli.status import find_entry
from include.config.settings import ROOT, Settings, git_commit
from include.domain.errors import SettingsError
from include.io.github import MAX_CHARACTERS


def show_changed_projects(base: str, *, as_json: bool) -> int:
    """Print the names, one a line or as one JSON list, and return 0; a project that was removed is not named.

    Raises:
        SettingsError: `base` is no commit of this checkout, or this is none.
    """
    settings = Settings.from_environment()
    names = projects_changed_since(settings.projects_dir, base)
    if as_json:
        print_json(names)
    else:
        for name in names:
            output().print(name, markup=False)
    return 0


def projects_changed_since(projects_dir: Path, base: str, root: Path = ROOT) -> list[str]:
    """Return the projects whose files differ between this commit and where its branch left `base`, sorted.

    Only what is committed counts.

    Raises:
        SettingsError: `base` is no commit of the checkout `root`, or shares no history with this one.
    """

    from include.config.discovery import project_folders

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


MARKER = "<!-- nightshift: decisions -->"
# room for the marker, the line about the log and what says that something was left out
ROOM = MAX_CHARACTERS - 2_000
VARIABLES = ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def post_comment(folder: str, number: int) -> int:
    """Write the comment, or replace the one of the last push, and print its address.

    Args:
        folder: Its Markdown files, at any depth, each a decision that `decision --markdown` has printed.
        number: The pull request's.

    Raises:
        SettingsError: There is no such file, or a variable of GitHub Actions is missing.
        PullRequestError: GitHub refuses or does not answer.
    """

    from include.io.github import PullRequest

    texts = _texts(Path(folder))
    given = {name: os.environ.get(name, "") for name in VARIABLES}
    missing = [name for name, value in given.items() if not value]
    if missing or not _REPOSITORY.fullmatch(given["GITHUB_REPOSITORY"]):
        raise SettingsError(
            "the environment",
            "this is not a job of GitHub Actions",
            got=f"without {', '.join(missing)}" if missing else "a GITHUB_REPOSITORY that is none",
            hint="give the step `env: GITHUB_TOKEN: ${{ github.token }}`",
        )
    there = PullRequest(given["GITHUB_API_URL"], given["GITHUB_REPOSITORY"], number, given["GITHUB_TOKEN"])
    output().print(there.put_comment(MARKER, comment_text(texts, _log())), markup=False, soft_wrap=True)
    return 0


def comment_text(texts: list[str], log: str) -> str:
    """Return the decisions with a share of the room each, and a link to the run's log."""

    from include.reports.markdown import defused, fitted

    share = ROOM // max(1, len(texts))
    parts = [defused(fitted(text.splitlines(), share)) for text in texts]
    link = f"\n[The log of this run]({log})\n" if log else ""
    return "\n".join(parts)[:ROOM] + link


def _texts(folder: Path) -> list[str]:
    files = sorted(folder.rglob("*.md")) if folder.is_dir() else []
    if not files:
        raise SettingsError("argument FOLDER", "no decision in it", got=str(folder), allowed=("files *.md",))
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]


def _log() -> str:
    server, repository, run = (
        os.environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}" if server.startswith("https://") and run.isdigit() else ""


CHANGELOG = "CHANGELOG.md"


def show_release_notes(tag: str) -> int:
    """Print the changelog's section of the version that `tag` names ("v1.2.0"), and return 0.

    Raises:
        SettingsError: `tag` is not the version of this checkout, or the changelog does not tell of it as released.
    """
    version = tag.removeprefix("v")
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if version != ours:
        raise SettingsError(
            "argument TAG", "not the version of this checkout", got=tag, allowed=(f"v{ours}",), hint="pyproject.toml"
        )
    sys.stdout.write(notes((ROOT / CHANGELOG).read_text(encoding="utf-8"), version))
    return 0


def notes(changelog: str, version: str) -> str:
    """Return the text under the heading of `version`.

    Raises:
        SettingsError: There is none, it is empty, or its heading still says "unreleased".
    """
    for section in changelog.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        name, _, when = heading.partition(" ")
        if name == version and text.strip() and "unreleased" not in when:
            return text.strip() + "\n"
    raise SettingsError(
        f"{CHANGELOG}: version {version}",
        "it is not told of as released",
        allowed=(f"## {version} (YYYY-MM-DD), with what changes below it",),
    )


DEFAULT_TAG = "nightshift:local"
# registry/path:tag; never an option of docker's
_NAME = re.compile(r"[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def build(tags: list[str], version: str) -> int:
    """Build the image once under every tag, with the commit and the version in its labels; return docker's status.

    Raises:
        SettingsError: A tag is none, or Docker is missing.
    """
    names = [part for tag in _checked(tags or [DEFAULT_TAG]) for part in ("--tag", tag)]
    about = {"NIGHTSHIFT_GIT_COMMIT": git_commit(), "NIGHTSHIFT_VERSION": version}
    arguments = [part for name, value in about.items() for part in ("--build-arg", f"{name}={value}")]
    return _docker("build", *names, *arguments, ".")


def push(tags: list[str]) -> int:
    """Push the image under every tag, to the registries that docker is logged in to; stop at the first failure.

    Raises:
        SettingsError: A tag is none, or Docker is missing.
    """
    for tag in _checked(tags):
        code = _docker("push", tag)
        if code:
            return code
        output().print(f"pushed {tag}", markup=False)
    return 0


def _checked(tags: list[str]) -> list[str]:
    lowered = [f"{name.lower()}:{version}" for name, _, version in (tag.rpartition(":") for tag in tags)]
    for given, tag in zip(tags, lowered, strict=True):
        if not _NAME.fullmatch(tag):
            raise SettingsError("option --tag", "not an image's name", got=repr(given), allowed=("name:version",))
    return lowered


def _docker(*arguments: str) -> int:
    if shutil.which("docker") is None:
        raise SettingsError("docker", "it is not installed", hint="https://docs.docker.com/engine/install/")
    return subprocess.run(["docker", *arguments], check=False, cwd=ROOT).returncode


Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME:VERSION", help="The image's name; may be given again.")
]
image = typer.Typer(no_args_is_help=True, help="Build and push the image of the docker stack.")


def register(app: typer.Typer, panel: str) -> None:
    """Add the commands to the door, under the heading `panel` of its help."""
    app.command(epilog=f"Example: {NAME} audit --strict", rich_help_panel=panel)(audit)
    app.command(
        "changed-projects", epilog=f"Example: {NAME} changed-projects origin/main --json", rich_help_panel=panel
    )(changed_projects)
    app.command(epilog=f"Example: {NAME} comment decisions --pull 12", rich_help_panel=panel)(comment)
    app.command("release-notes", epilog=f"Example: {NAME} release-notes v0.1.0", rich_help_panel=panel)(release_notes)
    app.add_typer(image, name="image", rich_help_panel=panel, epilog=f"Example: {NAME} image build")


def audit(
    strict: Annotated[bool, typer.Option("--strict", help="Fail also where a library could not be audited.")] = False,
) -> None:
    """Compare the locked libraries with the known vulnerabilities; without a network it says that it could not."""
    from include.cli import tools as auditing

    raise typer.Exit(auditing.audit(strict=strict))


def changed_projects(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A commit, branch or tag.")], as_json: AsJson = False
) -> None:
    """Name the projects whose folder was changed since this branch left BASE; only what is committed counts."""
    pass

    raise typer.Exit(show_changed_projects(base, as_json=as_json))


def comment(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Files that `decision --markdown` has printed.")],
    pull: Annotated[int, typer.Option("--pull", metavar="N", min=1, help="The pull request's number.")],
) -> None:
    """Comment decisions on a pull request on GitHub; a later call replaces the comment.

    The environment is that of a job of GitHub Actions, with GITHUB_TOKEN.
    """
    pass

    raise typer.Exit(post_comment(folder, pull))


def release_notes(tag: Annotated[str, typer.Argument(metavar="TAG", help="The version's tag, v and number.")]) -> None:
    """Print what the changelog says about a version, if it is the checkout's and told of as released."""
    pass

    raise typer.Exit(show_release_notes(tag))


@image.command("build", epilog=f"Example: {NAME} image build --tag nightshift:local")
def image_build(
    tag: Tags = None,
    version: Annotated[str, typer.Option("--version", metavar="TEXT", help="Goes into the image's label.")] = "local",
) -> None:
    """Build the image, with this commit in its labels."""
    pass

    raise typer.Exit(build(tag or [], version))


@image.command("push", epilog=f"Example: {NAME} image push --tag ghcr.io/acme/nightshift:v0.1.0")
def image_push(tag: Tags = None) -> None:
    """Push the image to the registries that docker is logged in to."""
    pass

    raise typer.Exit(push(tag or []))


def show_comment(project: str, number: int | None, *, commit: str, s3: bool) -> int:
    """Print the decision of ledger entry `number` (default: the newest) as Markdown, and return 0.

    That there is none is told in Markdown, too: the night failed, and the pull request is to say so.

    Args:
        project: The project.
        number: The entry.
        commit: The commit whose decision is asked for; one that another commit made says so.
        s3: Read the own S3 server.

    Raises:
        ObjectMissingError: `number` was given, and the ledger has no such entry.
    """

    from include.cli.stack_in_use import opened_store
    from include.config.discovery import load_project
    from include.io.ledger import Ledger, read_decision
    from include.reports.markdown import comment as comment_on
    from include.reports.markdown import no_decision

    settings = Settings.from_environment()
    name = load_project(settings.projects_dir, project).name
    with opened_store(settings, s3=s3) as store:
        ledger = Ledger(store, name)
        if number is None and not ledger.newest(1):
            text = no_decision(name, commit)
        else:
            entry = find_entry(name, ledger, number)
            text = comment_on(read_decision(store, name, entry.decision_id), entry, commit=commit)
    sys.stdout.write(text)
    return 0
