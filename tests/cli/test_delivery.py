"""The commands that the workflows call: changed projects, the comment, the audit, the image, release notes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.cli import delivery, tools
from include.cli.app import main
from include.cli.delivery import MARKER, projects_changed_since
from include.domain.errors import SettingsError
from include.io.github import MAX_CHARACTERS
from tests.support.github_server import REPOSITORY, TOKEN, GitHub, github


def git(root: Path, *arguments: str) -> str:
    name = ("-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(root), *name, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write(root: Path, path: str, text: str = "x") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a repository with three projects, on a branch that left main."""
    root = tmp_path / "a checkout"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    for name in ("shop", "shop_two", "gone"):
        write(root, f"include/projects/{name}/project.yaml")
    write(root, "include/projects/schema.json")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "base")
    git(root, "checkout", "--quiet", "-b", "branch")
    return root


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "change")


def changed(root: Path, base: str = "main") -> list[str]:
    return projects_changed_since(root / "include/projects", base, root)


def test_the_projects_whose_folder_was_changed_are_named(checkout: Path) -> None:
    assert changed(checkout) == []
    write(checkout, "include/projects/shop_two/features.py")
    write(checkout, "include/projects/new/project.yaml")
    write(checkout, "include/projects/schema.json", "other")
    write(checkout, "README.md")
    assert changed(checkout) == []
    commit(checkout)
    assert changed(checkout) == ["new", "shop_two"]


def test_a_project_that_was_removed_is_not_named(checkout: Path) -> None:
    git(checkout, "rm", "-r", "--quiet", "include/projects/gone")
    git(checkout, "mv", "include/projects/shop/project.yaml", "include/projects/shop_two/moved.yaml")
    write(checkout, "include/projects/shop/project.yaml", "y")
    commit(checkout)
    assert changed(checkout) == ["shop", "shop_two"]


def test_what_the_base_changed_meanwhile_does_not_count(checkout: Path) -> None:
    write(checkout, "include/projects/shop/features.py")
    commit(checkout)
    git(checkout, "checkout", "--quiet", "main")
    write(checkout, "include/projects/shop_two/features.py")
    commit(checkout)
    git(checkout, "checkout", "--quiet", "branch")
    assert changed(checkout) == ["shop"]
    assert changed(checkout, git(checkout, "rev-parse", "main")) == ["shop"]


@pytest.mark.parametrize("base", ["nowhere", "--output=/tmp/x", "", "main;id"])
def test_a_base_that_is_no_commit_is_refused(checkout: Path, base: str) -> None:
    with pytest.raises(SettingsError) as caught:
        changed(checkout, base)
    assert str(caught.value).startswith(f"argument BASE: git cannot compare with it; got: {base!r}; allowed: a commit")
    assert "hint: in GitHub Actions, check out with fetch-depth: 0" in str(caught.value)


def test_the_command_prints_a_list_for_a_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["changed-projects", "HEAD", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """Return a GitHub, this process being a job of its Actions with two decisions in `decisions`."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "decisions/decision-b/b.md", "### b: HOLD\n")
    write(tmp_path, "decisions/decision-a/a.md", "### a: PROMOTE\n\n@acme https://evil.example\n")
    with github() as there:
        for name, value in {
            "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": there.url,
            "GITHUB_SERVER_URL": "https://github.test", "GITHUB_RUN_ID": "77",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield there


def test_all_decisions_stand_in_one_comment_that_the_next_push_replaces(
    job: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    job.add("looks good", "User")
    assert main(["comment", "decisions", "--pull", "12"]) == 0
    assert capsys.readouterr().out == "https://github.test/comment/2\n"
    body = job.comments[1]["body"]
    assert body == (
        f"{MARKER}\n### a: PROMOTE\n\n@\u200bacme http\u200bs:\u200b//evil.example\n\n### b: HOLD\n"
        f"\n[The log of this run](https://github.test/{REPOSITORY}/actions/runs/77)\n"
    )
    Path("decisions/decision-b/b.md").write_text("### b: REJECT\n", encoding="utf-8")
    assert main(["comment", "decisions", "--pull", "12"]) == 0
    assert len(job.comments) == 2
    assert "b: REJECT" in job.comments[1]["body"]
    assert "HOLD" not in job.comments[1]["body"]


def test_a_person_who_copies_the_marker_keeps_the_comment(job: GitHub) -> None:
    job.add(f"{MARKER}\nmine", "User")
    job.add("another bot's")
    assert main(["comment", "decisions", "--pull", "12"]) == 0
    assert [comment["body"] for comment in job.comments[:2]] == [f"{MARKER}\nmine", "another bot's"]
    assert len(job.comments) == 3


def test_ours_is_found_behind_many_others(job: GitHub) -> None:
    for number in range(230):
        job.add(f"remark {number}", "User")
    job.add(f"{MARKER}\nold")
    assert main(["comment", "decisions", "--pull", "12"]) == 0
    assert len(job.comments) == 231
    assert "### a: PROMOTE" in job.comments[-1]["body"]


def test_many_long_decisions_fit_into_one_comment(job: GitHub) -> None:
    for number in range(9):
        Path(f"decisions/long{number}.md").write_text("a line of a decision\n" * 5000, encoding="utf-8")
    assert main(["comment", "decisions", "--pull", "12"]) == 0
    body = job.comments[0]["body"]
    assert len(body) <= MAX_CHARACTERS
    assert body.count("more lines are left out") == 9
    assert body.endswith("/actions/runs/77)\n")


@pytest.mark.parametrize(
    ("variable", "value", "status", "message"),
    [
        ("GITHUB_TOKEN", "wrong", 1, "GitHub refuses; got: HTTP 401 to GET /issues/12/comments; hint: the job needs"),
        ("GITHUB_TOKEN", "", 2, "this is not a job of GitHub Actions; got: without GITHUB_TOKEN"),
        ("GITHUB_REPOSITORY", "acme/models/../other", 2, "this is not a job of GitHub Actions"),
        ("GITHUB_API_URL", "http://127.0.0.1:1", 1, "GitHub does not answer; got: ConnectionError"),
    ],
)
def test_a_comment_that_cannot_be_written_says_why_without_the_token(
    variable: str,
    value: str,
    status: int,
    message: str,
    job: GitHub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["comment", "decisions", "--pull", "12"]) == status
    shown = capsys.readouterr().err
    assert message in shown
    assert TOKEN not in shown
    assert job.comments == []


def test_a_folder_without_decisions_is_refused(job: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["comment", "nowhere", "--pull", "12"]) == 2
    assert "argument FOLDER: no decision in it; got: nowhere; allowed: files *.md" in capsys.readouterr().err
    assert job.asked == []


NOTES = "# Changelog\n\nWords.\n\n## 0.2.0 (2026-12-01)\n\n- new\n\n## 0.1.0 (unreleased)\n\n- old\n"


def test_the_notes_of_a_version_are_its_section() -> None:
    assert delivery.notes(NOTES, "0.2.0") == "- new\n"


@pytest.mark.parametrize("version", ["0.1.0", "0.3.0", "0.2"])
def test_a_version_that_is_not_told_of_as_released_is_refused(version: str) -> None:
    with pytest.raises(SettingsError, match=f"CHANGELOG.md: version {version}: it is not told of as released"):
        delivery.notes(NOTES, version)


def test_a_tag_of_another_version_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release-notes", "v99.0.0"]) == 2
    assert "argument TAG: not the version of this checkout; got: v99.0.0; allowed: v" in capsys.readouterr().err


@pytest.mark.parametrize("tag", ["--privileged", "name", "a b:1", "name:", "$(id):x"])
def test_what_is_no_image_name_never_reaches_docker(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["image", "build", f"--tag={tag}"]) == 2
    assert main(["image", "push", f"--tag={tag}"]) == 2
    assert f"option --tag: not an image's name; got: {tag!r}; allowed: name:version" in capsys.readouterr().err


AUDITED = [
    {"name": "good", "version": "1", "vulns": []},
    {
        "name": "bad",
        "version": "2",
        "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "aliases": [], "description": ""}],
    },
]


@pytest.mark.parametrize(
    ("libraries", "strict", "status", "told"),
    [
        (AUDITED[:1], True, 0, "no known vulnerability in the locked libraries"),
        (AUDITED, False, 1, "PYSEC-1"),
        (None, False, 0, "requirements-dev.lock: not audited: the advisories cannot be fetched from here"),
        (None, True, 1, "not audited"),
        ([{"name": "odd", "skip_reason": "not found"}], True, 1, "not audited: the advisories cannot be fetched"),
        (
            [AUDITED[0], {"name": "odd", "skip_reason": "x"}],
            False,
            0,
            "1 of 2 libraries not audited, without advisories",
        ),
    ],
)
def test_an_audit_never_takes_silence_for_soundness(
    libraries: list[dict[str, object]] | None,
    strict: bool,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tools, "audited", lambda lock: libraries)
    assert main(["audit", *(["--strict"] if strict else [])]) == status
    shown = capsys.readouterr()
    assert told in shown.out + shown.err
    assert ("no known vulnerability" in shown.out) is (status == 0 and libraries == AUDITED[:1])


def test_the_auditor_reads_a_lock_of_ours_and_says_so_when_it_is_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # nothing listens there: what leaves this machine is the matter of `audit` itself
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"six==1.16.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    assert tools.audited(lock) is None
    lock.write_text("six>=1\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        tools.audited(lock)
