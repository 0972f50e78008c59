"""State changes that others may want to hear of: told where they happen, heard by whoever registered.

Listeners are called in the same transaction, so that what they write stands or falls with the change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Listener = Callable[[str, dict[str, Any]], None]

EVENTS: dict[str, str] = {
    "version.validated": "a model version passed its validation",
    "version.refused": "a model version was refused",
    "version.ready": "a model version is prepared and may be activated",
    "version.activated": "a model version answers searches from now on",
    "version.rolled_back": "the model version before answers searches again",
    "job.finished": "a job finished",
    "job.failed": "a job failed",
    "health.alert": "a measure of the health page crossed its threshold",
    "webhook.test": "somebody pressed the test button",
}
"""Every event and what it says."""

_listeners: list[Listener] = []


def listener_register(listener: Listener) -> None:
    """Have a function called with each event and its data, which names no person."""
    if listener not in _listeners:
        _listeners.append(listener)


def event_tell(event: str, data: dict[str, Any]) -> None:
    """Tell every listener of an event of `EVENTS`; `data` is plain JSON."""
    for listener in _listeners:
        listener(event, data)
