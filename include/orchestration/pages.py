"""Write the small pages that Nightshift adds to Airflow's UI: the projects, a project's decisions, a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from include.domain.champion import ChampionState
from include.domain.decision import LedgerEntry
from include.domain.names import retrain_dag_id, split_name

STYLE = """
:root { color-scheme: light dark; --ink: #16202c; --soft: #566273; --line: #dde2e9; --link: #1d5fd1;
  --good: #10703c; --good-back: #e2f4e9; --wait: #7a5200; --wait-back: #fdf1d6; --bad: #a81f28; --bad-back: #fce7e8;
  --act-back: #e4edfc; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7ecf3; --soft: #a2afbf; --line: #2d3947; --link: #78aaff; --good: #69d797;
    --good-back: #123523; --wait: #f0c264; --wait-back: #3a2d0d; --bad: #ff9499; --bad-back: #47191d;
    --act-back: #16294a; }
}
body { margin: 0; padding: 1rem 1.25rem; color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .75rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
p, ul, nav { margin: 0 0 .6rem; max-width: 60rem; overflow-wrap: anywhere; }
nav { font-size: .8125rem; }
.scroll { overflow-x: auto; margin-bottom: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .4rem 1.2rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  white-space: nowrap; }
th { color: var(--soft); font-size: .8125rem; font-weight: 600; }
td.why { white-space: normal; min-width: 16rem; width: 99%; }
.soft { color: var(--soft); }
.verdict { font-weight: 600; font-size: .8125rem; border-radius: 5px; padding: .1rem .45rem; }
.PROMOTE { color: var(--good); background: var(--good-back); }
.HOLD { color: var(--wait); background: var(--wait-back); }
.REJECT { color: var(--bad); background: var(--bad-back); }
.act { color: var(--link); background: var(--act-back); }
"""
MAX_PROBLEMS_SHOWN = 5
# what a person did, in the column of verdicts
ACTS = {"promotion": "BY HAND", "rollback": "ROLLBACK", "pin": "PIN", "unpin": "UNPIN"}


@dataclass(frozen=True)
class ProjectLine:
    """Be one line of the page of all projects.

    Attributes:
        name: The project, as its addresses name it.
        now: What is in force; None when the ledger cannot be read.
        last: The decision of the newest night, if there is one.
        problems: What is wrong with the declaration or the ledger; its champion serves all the same.
    """

    name: str
    now: ChampionState | None
    last: LedgerEntry | None
    problems: tuple[str, ...] = ()


def projects_page(root: str, projects: Iterable[ProjectLine]) -> str:
    """Return the page of all projects.

    Args:
        root: Path of the pages, without a slash at its end.
        projects: A line each.
    """
    rows = [
        [
            _link(f"{root}/project/{quote(line.name)}", line.name),
            _champion(line.now) if line.now else _soft("not known"),
            *_newest_cells(root, line),
            _link(f"{root}/data-docs/{quote(line.name)}/index.html", "Data Docs"),
        ]
        for line in projects
    ]
    heads = ["Project", "Champion", "Newest night", "Verdict", "As of", "Why", "Data"]
    return _page("Models", _table(heads, rows) if rows else "<p>No project is declared.</p>")


def _newest_cells(root: str, line: ProjectLine) -> list[str]:
    """Return the cells of the newest decision; what is wrong with the project stands before why it was decided."""
    cells = ["", "", "", _soft(f"no decision yet: {_how_to_begin(line.name)}")]
    if line.last is not None:
        cells = _decision_cells(root, line.name, line.last)
    elif line.problems:
        cells = [""] * 4
    if line.problems:
        shown = "".join(f"<li>{escape(text)}</li>" for text in line.problems[:MAX_PROBLEMS_SHOWN])
        left_out = len(line.problems) - MAX_PROBLEMS_SHOWN
        more = f"<li>and {left_out} more: ./nightshift check</li>" if left_out > 0 else ""
        cells[-1] = f'<span class="verdict REJECT">BROKEN</span><ul>{shown}{more}</ul>{cells[-1]}'
    return cells


def decisions_page(
    root: str, project: str, now: ChampionState, entries: Sequence[LedgerEntry], *, has_history: bool
) -> str:
    """Return the page of a project's story, newest first: its decisions, and what people did.

    Args:
        root: Path of the pages, without a slash at its end.
        project: Its name; in a namespace `namespace.project`, as in every address here.
        now: Champion and pin in force.
        entries: The lines, as of `Ledger.told`.
        has_history: Whether the page of the walk-forward record was written.
    """
    rows = [
        [
            *_decision_cells(root, project, entry),
            escape(entry.candidate),
            escape(_caused(entry)),
            f"{entry.made_at:%Y-%m-%d %H:%M} UTC",
        ]
        for entry in entries
    ]
    heads = ["Decision", "Verdict", "As of", "Why", "Candidate", "Run", "Made"]
    body = f"<p>Champion: {_champion(now)}</p>" + _table(heads, rows)
    if not rows:
        body = f"<p>No decision yet: {escape(_how_to_begin(project))}.</p>"
    if has_history:
        link = _link(f"{root}/project/{quote(project)}/history/history.html", "History, night by night")
        body = f"<p>{link}: what would have been decided knowing only the past.</p>{body}"
    return _page(f"Decisions of {project}", body, trail(root, project))


def message_page(title: str, text: str, lines: Sequence[str] = (), above: str = "") -> str:
    """Return a page that says one thing, and `lines` of detail to it; `above` is HTML, as of `trail`."""
    details = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return _page(title, f"<p>{escape(text)}</p>" + (f"<ul>{details}</ul>" if details else ""), above)


def trail(root: str, project: str) -> str:
    """Return the links that stand above every page of a project: inside Airflow the browser's way back is not one."""
    links = [
        _link(f"{root}/", "All models"),
        _link(f"{root}/project/{quote(project)}", f"Decisions of {project}"),
        _link(f"{root}/data-docs/{quote(project)}/index.html", "Data Docs"),
    ]
    return f"<nav>{' · '.join(links)}</nav>"


def with_trail(page: bytes, root: str, project: str, width: str) -> bytes:
    """Return a stored page, whose content is `width` wide, with the project's links above it; they are not stored."""
    style = f"max-width:{width};margin:0 auto;padding:.6rem 1rem;font:13px/1.5 system-ui,sans-serif"
    links = trail(root, project).replace("<nav>", f'<nav style="{style}">').replace("<a ", '<a style="color:#3d84ea" ')
    return page.replace(b"<body>", b"<body>" + links.encode(), 1)


def act_page(root: str, project: str, entry: LedgerEntry) -> str:
    """Return the page of what a person did: its line of the ledger, and the way to the decision about that version.

    Args:
        root: Path of the pages, without a slash at its end.
        project: Its name; in a namespace `namespace.project`.
        entry: Without a verdict: a rollback, a pin, an unpin, a promotion by hand.
    """
    what = {
        "rollback": f"put version {entry.version} back in force",
        "promotion": f"put version {entry.version} in force",
        "pin": f"pinned the champion, version {entry.version}: no night changes it",
        "unpin": f"took the pin off the champion, version {entry.version}",
    }[entry.kind]
    report = f"{root}/project/{quote(project)}/decisions/{entry.number}"
    facts = [
        ("Why", escape(entry.reason)),
        ("Version", f"{escape(entry.version)}, {escape(entry.candidate)}, {_soft(f'as of {entry.as_of}')}"),
        ("Made", f"{entry.made_at:%Y-%m-%d %H:%M} UTC"),
        ("Ledger", f"entry {entry.number}"),
        ("Decision", _link(report, f"the report about version {entry.version}")),
    ]
    who = escape(entry.origin.triggered_by or "Somebody")
    body = f'<p><span class="verdict act">{ACTS[entry.kind]}</span> {who} {escape(what)}.</p>'
    rows = "".join(f'<tr><th>{name}</th><td class="why">{text}</td></tr>' for name, text in facts)
    table = f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'
    return _page(f"{ACTS[entry.kind].capitalize()} of {project}", body + table, trail(root, project))


def unfinished_page(above: str, dag_id: str, state: str, errors: Sequence[str], *, paused: bool) -> str:
    """Return the page of a run that is asked to change what is in force, and has not (yet).

    Args:
        above: HTML above it, as of `trail`.
        dag_id: Of the run.
        state: The run's state in Airflow.
        errors: A line for each failed task.
        paused: Whether its Dag is.
    """
    if state == "failed":
        return message_page("Nothing changed", "The run failed, and nothing is in force by it.", errors, above)
    if state == "success":
        return message_page(
            "Nothing in the ledger", "The run has ended, and the ledger has no entry of it.", above=above
        )
    return message_page("Not done yet", f"The run is {state}.{_paused(dag_id, paused=paused)}", above=above)


def _paused(dag_id: str, *, paused: bool) -> str:
    """Return that a run waits for its Dag to be switched on; empty where it is."""
    if not paused:
        return ""
    return (
        f" It waits: {dag_id} is paused, and a paused Dag does not run what is triggered. Switch it on, and it begins."
    )


def undecided_page(above: str, dag_id: str, state: str, errors: Sequence[str], *, paused: bool = False) -> str:
    """Return the page of a run that has made no decision.

    Args:
        above: HTML above it, as of `trail`.
        dag_id: Of the run.
        state: The run's state in Airflow.
        errors: A line for each failed task.
        paused: Whether its Dag is.
    """
    if state == "failed":
        text = "The run failed before it came to a decision. No model was judged, and nothing was promoted."
        return message_page(
            "No decision", text, errors or ["no task failed: the run was marked failed, or timed out"], above
        )
    if state == "success":
        text = "The run has ended without a decision: its stages were skipped, or marked as done by hand."
        return message_page("No decision", text, above=above)
    waits = _paused(dag_id, paused=paused)
    text = f"The run is {state}.{waits or ' It decides in its last stage, promote.'}"
    return message_page("No decision yet", text, above=above)


def _champion(now: ChampionState) -> str:
    champion, pin = now.champion, now.pin
    if champion is None:
        return _soft("none yet")
    words = f"version {escape(champion.version)} {_soft(f'as of {champion.as_of}')}"
    if champion.verdict is None:
        words += f"<br>{_soft(f'{ACTS[champion.kind].lower()}, {_who(champion)}')}"
    if pin is not None:
        words += f'<br><span class="verdict act">PIN</span> {_soft(f"{_who(pin)}: {pin.reason}")}'
    return words


def _how_to_begin(project: str) -> str:
    namespace, name = split_name(project)
    option = f" --namespace {namespace}" if namespace else ""
    return f"trigger {retrain_dag_id(name, namespace)}, or ./nightshift run {name}{option}"


def _decision_cells(root: str, project: str, entry: LedgerEntry) -> list[str]:
    href = f"{root}/project/{quote(project)}/decisions/{entry.number}"
    why = entry.reason if entry.verdict else f"version {entry.version}, {_who(entry)}: {entry.reason}"
    return [_link(href, f"#{entry.number}"), _verdict(entry), str(entry.as_of), escape(why)]


def _verdict(entry: LedgerEntry) -> str:
    if entry.verdict is None:
        return f'<span class="verdict act">{ACTS[entry.kind]}</span>'
    return f'<span class="verdict {entry.verdict}">{entry.verdict}</span>'


def _who(entry: LedgerEntry) -> str:
    return f"by {entry.origin.triggered_by or 'somebody'}"


def _caused(entry: LedgerEntry) -> str:
    """Return the kind of run, and who asked for it."""
    return f"{entry.origin.run_type} {_who(entry)}" if entry.origin.triggered_by else entry.origin.run_type


def _link(href: str, text: str) -> str:
    return f'<a href="{escape(href)}">{escape(text)}</a>'


def _soft(text: str) -> str:
    return f'<span class="soft">{escape(text)}</span>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    classes = [' class="why"' if text == "Why" else "" for text in heads]
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(classes, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _page(title: str, body: str, above: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{above}<h1>{escape(title)}</h1>{body}</body></html>"
    )
