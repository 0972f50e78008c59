"""State changes that others may want to hear of: told where they happen, heard by whoever registered.

Listeners are called in the same transaction, so that what they write stands or falls with the change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

    Listener = Callable[[str, dict[str, Any]], None]

EVENTS: dict[str, str] = {
    "version.validated": gettext_lazy("a model version passed its validation"),
    "version.refused": gettext_lazy("a model version was refused"),
    "version.ready": gettext_lazy("a model version is prepared and may be activated"),
    "version.activated": gettext_lazy("a model version answers searches from now on"),
    "version.rolled_back": gettext_lazy("the model version before answers searches again"),
    "version.set_aside": gettext_lazy(
        "a model version is not used any more: its process ended twice within a day"
    ),
    "version.retired": gettext_lazy("a model version was retired, and its vectors dropped"),
    "version.challenger_ended": gettext_lazy("a model version is not the challenger any more"),
    "job.finished": gettext_lazy("a job finished"),
    "job.failed": gettext_lazy("a job failed"),
    "health.alert": gettext_lazy("a measure of the health page crossed its threshold"),
    "webhook.test": gettext_lazy("somebody pressed the test button"),
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
