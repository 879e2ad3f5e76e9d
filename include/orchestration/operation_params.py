"""Be the forms a person fills in to roll back or to pin a champion; none has a default for what must be meant."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Param

ROLLBACK_FIELDS = ("project", "version", "reason")
PIN_FIELDS = ("project", "action", "reason")
ACTIONS = {
    "pin": "keep the champion in force, whatever the nights prove",
    "unpin": "let the next night promote again",
}


def rollback_params(projects: Sequence[str]) -> dict[str, Param]:
    """Return the fields of the rollback form."""
    return {
        "project": _project(projects),
        "version": Param(
            None,
            type=["null", "string"],
            pattern=r"^[0-9]*$",
            title="Version",
            description_md="The earlier champion that is put back in force. Empty: the one before.",
        ),
        "reason": _reason(),
    }


def pin_params(projects: Sequence[str]) -> dict[str, Param]:
    """Return the fields of the pin form."""
    return {
        "project": _project(projects),
        "action": Param(
            "pin",
            type="string",
            enum=list(ACTIONS),
            values_display={action: f"{action}: {meaning}" for action, meaning in ACTIONS.items()},
            title="Action",
            description_md="A pin holds nights and promotions by hand; a rollback works all the same.",
        ),
        "reason": _reason(),
    }


def _project(projects: Sequence[str]) -> Param:
    return Param(
        type="string", enum=list(projects), title="Project", description_md="The project whose champion is meant."
    )


def _reason() -> Param:
    return Param(
        type="string",
        minLength=1,
        pattern=r"\S",
        title="Reason",
        description_md="Why, in a sentence. The ledger keeps it for good, with your name.",
    )
