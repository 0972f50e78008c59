"""Which function does which type of job.

An app's handlers stand in its module `jobs`; they are imported when the first job runs, so that web processes, which
only create jobs, never load them. Handlers import neural libraries inside functions only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from django.apps import apps
from django.utils.module_loading import module_has_submodule

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.jobs.context import JobContext

    Handler: TypeAlias = Callable[[JobContext], dict[str, Any] | None]

_HANDLERS: dict[str, Handler] = {}


def job_handler(job_type: str) -> Callable[[Handler], Handler]:
    """Register the decorated function for `job_type`; what it returns is merged into the job's result."""

    def register(handler: Handler) -> Handler:
        known = _HANDLERS.setdefault(job_type, handler)
        if known is not handler:
            raise ValueError(f"job type {job_type!r} has two handlers: {known} and {handler}")
        return handler

    return register


def handler_for(job_type: str) -> Handler:
    """Return the handler of `job_type`; raises KeyError for a type that no app declares."""
    if job_type not in _HANDLERS:
        load_handlers()
    return _HANDLERS[job_type]


def load_handlers() -> None:
    """Import the `jobs` module of every installed app."""
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, "jobs"):
            import_module(f"{config.name}.jobs")
