"""Show a night while it runs: a live table on a terminal, one line for each change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from include.stack.progress import StageProgress

COLOURS = {
    "done": "green",
    "running": "cyan",
    "failed": "red",
    "retrying": "yellow",
    "waits for a person": "bold yellow",
    "skipped": "dim",
    "waiting": "dim",
    "not run": "dim",
}


class NightView:
    """Be the progress of one night on a console; used as a context, which ends the live display."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._began = time.monotonic()
        self._doing = ""
        self._stages: Sequence[StageProgress] = ()
        self._seen: dict[str, tuple[str, int, int]] = {}
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._line(self._title)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._doing = ""
        if self._console.is_terminal:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """Return how long the night has taken."""
        return time.monotonic() - self._began

    def doing(self, what: str, *, small: bool = False) -> None:
        """Say what is waited for; `small` changes are shown only where they overwrite each other."""
        if what and what != self._doing and not small and not self._console.is_terminal:
            self._line(what)
        self._doing = what

    def note(self, what: str) -> None:
        """Say something that stays."""
        self._line(what)

    def stages(self, stages: Sequence[StageProgress]) -> None:
        """Show how far each stage is."""
        self._stages = stages
        if self._console.is_terminal:
            return
        for stage in stages:
            now = (stage.state, stage.done, stage.total)
            if stage.state != "waiting" and self._seen.get(stage.stage) != now:
                self._seen[stage.stage] = now
                self._line(f"{stage.stage}: {stage.state}{_count(stage)}{_seconds(stage)}")

    def _line(self, text: str) -> None:
        self._console.print(f"{self.seconds:6.1f} s  {text}", markup=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [Text(f"{self._title}  {self.seconds:.0f} s", style="bold")]
        if self._stages:
            table = Table(box=None, pad_edge=False, show_header=False)
            for stage in self._stages:
                colour = COLOURS[stage.state]
                table.add_row(
                    escape(stage.stage),
                    f"[{colour}]{stage.state}[/]",
                    _count(stage).strip(),
                    _seconds(stage).strip(" ,"),
                )
            parts.append(table)
        if self._doing:
            parts.append(Text(self._doing, style="dim"))
        return Group(*parts)


def _count(stage: StageProgress) -> str:
    return f" {stage.done}/{stage.total}" if stage.total > 1 else ""


def _seconds(stage: StageProgress) -> str:
    return "" if stage.seconds is None or stage.state == "skipped" else f", {stage.seconds:.1f} s"
