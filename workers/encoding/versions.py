"""What workers ask about model versions without knowing the registry: `models_admin` plugs itself in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Versions(Protocol):
    """What the registry answers and does."""

    def folder(self, version_id: int) -> Path:
        """Return the folder of the version's extracted bundle; raises LookupError for an unknown version."""
        ...

    def encoder_cache(self) -> Path:
        """Return the folder of compiled networks."""
        ...

    def champion_id(self) -> int | None:
        """Return the id of the version that answers searches, None before the first activation."""
        ...

    def died(self, version_id: int, reason: str) -> bool:
        """Note that the version's encoder process ended while it read one input; return whether it is set aside now."""
        ...

    def warm_vectors(self, version_id: int) -> None:
        """Read the version's vectors and indexes into the database's memory."""
        ...


_versions: list[Versions] = []


def versions_register(versions: Versions) -> None:
    """Plug in the registry; the last one counts."""
    _versions[:] = [versions]


def versions() -> Versions:
    """Return the registry."""
    return _versions[0]
