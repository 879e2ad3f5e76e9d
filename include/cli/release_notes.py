"""Print what the changelog says about one version."""

from __future__ import annotations

import sys
import tomllib

from include.config.errors import SettingsError
from include.config.settings import ROOT

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
