"""What the registry asks about vectors without knowing them: `search` plugs itself in here when it is ready."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models_admin.models import ModelVersion


class VectorHooks(Protocol):
    """What `search` answers and does for one version."""

    def missing(self, version: ModelVersion) -> dict[str, int]:
        """Return how many units of each kind still need a vector; empty when nothing is missing."""
        ...

    def stored(self, version: ModelVersion) -> dict[str, int]:
        """Return how many units of each kind have a vector."""
        ...

    def drop(self, version: ModelVersion) -> None:
        """Drop the version's vectors; raises AppError `vectors.in_use` where somebody holds them."""
        ...

    def warm(self, version: ModelVersion) -> None:
        """Read the version's indexes into memory, so that its first search is not slow."""
        ...


@dataclass(frozen=True)
class Panel:
    """A table on a version's admin page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """What one kind of evidence says of a version beside the champion, in words; `is_worse`: enough to refuse it."""

    evidence: str
    says: str
    is_worse: bool = False


_verdicts: list[Callable[[ModelVersion, ModelVersion], Verdict | None]] = []
_vectors: list[VectorHooks] = []
_panels: list[Callable[[ModelVersion, Any], Panel | None]] = []


def vectors_register(hooks: VectorHooks) -> None:
    """Plug in what answers for vectors; the last one counts."""
    _vectors[:] = [hooks]


def vectors() -> VectorHooks:
    """Return what answers for vectors."""
    return _vectors[0]


def panel_register(panel: Callable[[ModelVersion], Panel | None]) -> None:
    """Add a table to the admin page of every version for which there is one."""
    _panels.append(lambda version, _viewer: panel(version))


def viewer_panel_register(panel: Callable[[ModelVersion, Any], Panel | None]) -> None:
    """Add a table that leaves out what its viewer may not see, such as the names of collections."""
    _panels.append(panel)


def panels_for(version: ModelVersion, viewer: Any) -> list[Panel]:
    """Return the tables of a version's admin page as the viewer may see them."""
    return [panel for make in _panels if (panel := make(version, viewer))]


def verdict_register(verdict: Callable[[ModelVersion, ModelVersion], Verdict | None]) -> None:
    """Let this evidence count when a version is to answer searches in the champion's place."""
    _verdicts.append(verdict)


def verdicts_of(version: ModelVersion, champion: ModelVersion) -> list[Verdict]:
    """Return what every kind of evidence that there is says of a version beside the champion."""
    return [found for verdict in _verdicts if (found := verdict(version, champion))]
