"""Find the stack of a home that works, and end the one that does not."""

from __future__ import annotations

from pathlib import Path

from include.config.errors import StackError
from include.stack import processes
from include.stack.state import StackState, forget_state, read_state

# they have written what they have to; Python's own teardown, and triggers that do not exist, take 10 s more
ENDED_AT_ONCE = frozenset({"api-server", "dag-processor", "triggerer", "mlflow"})


def stop_stack(home: Path, state: StackState) -> None:
    """End every process of the stack that `state` describes, and forget it."""
    processes.end(state.stack_id, state.components, at_once=ENDED_AT_ONCE)
    forget_state(home)


def check_alive(state: StackState) -> None:
    """Refuse to go on with a stack of which a component has died.

    Raises:
        StackError: With the last lines of its log.
    """
    for component in state.components:
        if not component.alive():
            words = processes.last_lines(component.log)
            raise StackError(
                component.name,
                "the program ended by itself; its last words",
                got=f"\n{words}\n",
                hint=f"read {component.log}",
            )


def running_stack(home: Path) -> StackState | None:
    """Return the stack of this home that works, after ending what a killed command left behind.

    A `run` stack whose owner is gone, or a stack with a dead component, is no stack: its processes are ended.
    """
    state = read_state(home)
    if state is None:
        return None
    if state.alive():
        return state
    stop_stack(home, state)
    return None
