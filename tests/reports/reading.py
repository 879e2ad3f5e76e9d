"""Read a page as a person does: its visible text, and what it is made of."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collect a page's tags, its attributes and its visible text, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._hidden = tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += f" {data}"

    def values(self, name: str) -> list[str]:
        """Return the values of an attribute, wherever it stands."""
        return [value or "" for each, value in self.attributes if each == name]


def text_of(html: str) -> str:
    """Return what a reader sees, white space made single."""
    return " ".join(Page(html).text.split())
