"""Keep one comment of ours on a pull request, by GitHub's REST API."""

from __future__ import annotations

from typing import Any

import requests

from include.domain.errors import PullRequestError

TIMEOUT_SECONDS = 30
PAGE_SIZE = 100
MAX_PAGES = 30
# GitHub's own limit on a comment
MAX_CHARACTERS = 65_536


class PullRequest:
    """Be one pull request.

    Args:
        api_url: `https://api.github.com`, or a server's own.
        repository: `owner/name`.
        number: The pull request's.
        token: It may write comments on pull requests, and should be allowed nothing more.
    """

    def __init__(self, api_url: str, repository: str, number: int, token: str) -> None:
        self._base = f"{api_url.rstrip('/')}/repos/{repository}"
        self._number = number
        self._session = requests.Session()
        self._session.headers.update(
            {
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            }
        )

    def put_comment(self, marker: str, text: str) -> str:
        """Replace our comment that begins with `marker`, or write one, and return its address.

        A comment is ours when a bot has written it: a person who copies the marker keeps the comment.

        Raises:
            PullRequestError: GitHub refuses or does not answer, or the text is too long for it.
        """
        body = f"{marker}\n{text}"
        if len(body) > MAX_CHARACTERS:
            raise PullRequestError(
                self._where(), "the comment is too long", got=f"{len(body)} characters", allowed=(str(MAX_CHARACTERS),)
            )
        found = self._ours(marker)
        if found is None:
            written = self._asked("POST", f"/issues/{self._number}/comments", json={"body": body})
        else:
            written = self._asked("PATCH", f"/issues/comments/{found}", json={"body": body})
        return str(written["html_url"])

    def _ours(self, marker: str) -> int | None:
        for page in range(1, MAX_PAGES + 1):
            asked = {"per_page": PAGE_SIZE, "page": page}
            comments = self._asked("GET", f"/issues/{self._number}/comments", params=asked)
            for comment in comments:
                if comment["user"]["type"] == "Bot" and comment["body"].startswith(marker):
                    return int(comment["id"])
            if len(comments) < PAGE_SIZE:
                return None
        return None

    def _asked(self, method: str, path: str, **how: Any) -> Any:
        try:
            # a redirect would carry the token to where nobody has sent it
            answer = self._session.request(
                method, self._base + path, timeout=TIMEOUT_SECONDS, allow_redirects=False, **how
            )
        except requests.RequestException as error:
            raise PullRequestError(self._where(), "GitHub does not answer", got=type(error).__name__) from error
        if answer.status_code not in (200, 201):
            raise PullRequestError(
                self._where(),
                "GitHub refuses",
                got=f"HTTP {answer.status_code} to {method} {path}",
                hint="the job needs `permissions: pull-requests: write`",
            )
        return answer.json()

    def _where(self) -> str:
        return f"pull request {self._number} at {self._base}"
