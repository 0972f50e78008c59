"""Which function does which type of job.

An app's handlers stand in its module `jobs`; they are imported when the first job runs, so that web processes, which
only create jobs, never load them. Handlers import neural libraries inside functions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from django.apps import apps
from django.utils.module_loading import module_has_submodule

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.jobs.context import JobRun
    from workers.jobs.types import JobType, P, R

    Function: TypeAlias = Callable[[JobRun[P, R]], R | None]


@dataclass(frozen=True)
class JobHandler:
    """A type of job with the function that does it; what that returns is the job's result, None: what it remembered."""

    job_type: JobType[Any, Any]
    function: Function[Any, Any]


_HANDLERS: dict[str, JobHandler] = {}


def job_handler(job_type: JobType[P, R]) -> Callable[[Function[P, R]], Function[P, R]]:
    """Register the decorated function for a type of job."""

    def register(function: Function[P, R]) -> Function[P, R]:
        known = _HANDLERS.setdefault(job_type.name, JobHandler(job_type, function))
        if known.function is not function:
            raise ValueError(f"job type {job_type.name!r} has two handlers: {known.function} and {function}")
        return function

    return register


def handler_for(type_name: str) -> JobHandler:
    """Return the handler of the type of this name; raises KeyError for one that no app has a handler of."""
    if type_name not in _HANDLERS:
        load_handlers()
    return _HANDLERS[type_name]


def load_handlers() -> None:
    """Import the `jobs` module of every installed app."""
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, "jobs"):
            import_module(f"{config.name}.jobs")
