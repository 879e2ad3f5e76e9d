"""Define the commands that the workflows of GitHub Actions call; what each does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from include.cli.options import NAME, AsJson

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
    from include.cli import audit as auditing

    raise typer.Exit(auditing.audit(strict=strict))


def changed_projects(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A commit, branch or tag.")], as_json: AsJson = False
) -> None:
    """Name the projects whose folder was changed since this branch left BASE; only what is committed counts."""
    from include.cli.changed_projects import show_changed_projects

    raise typer.Exit(show_changed_projects(base, as_json=as_json))


def comment(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Files that `decision --markdown` has printed.")],
    pull: Annotated[int, typer.Option("--pull", metavar="N", min=1, help="The pull request's number.")],
) -> None:
    """Comment decisions on a pull request on GitHub; a later call replaces the comment.

    The environment is that of a job of GitHub Actions, with GITHUB_TOKEN.
    """
    from include.cli.post_comment import post_comment

    raise typer.Exit(post_comment(folder, pull))


def release_notes(tag: Annotated[str, typer.Argument(metavar="TAG", help="The version's tag, v and number.")]) -> None:
    """Print what the changelog says about a version, if it is the checkout's and told of as released."""
    from include.cli.release_notes import show_release_notes

    raise typer.Exit(show_release_notes(tag))


@image.command("build", epilog=f"Example: {NAME} image build --tag nightshift:local")
def image_build(
    tag: Tags = None,
    version: Annotated[str, typer.Option("--version", metavar="TEXT", help="Goes into the image's label.")] = "local",
) -> None:
    """Build the image, with this commit in its labels."""
    from include.cli.image import build

    raise typer.Exit(build(tag or [], version))


@image.command("push", epilog=f"Example: {NAME} image push --tag ghcr.io/acme/nightshift:v0.1.0")
def image_push(tag: Tags = None) -> None:
    """Push the image to the registries that docker is logged in to."""
    from include.cli.image import push

    raise typer.Exit(push(tag or []))
