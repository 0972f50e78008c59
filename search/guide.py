"""What an app adds to the pages of searching: example photos to start with, notes beside an answer. The demo does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models_admin.models import ModelVersion


class Example(NamedTuple):
    """A photo that is one click away."""

    key: str
    label: str
    path: Path


class Guide(Protocol):
    """What the pages ask for."""

    def examples(self) -> list[Example]:
        """Return the examples of the start page."""
        ...

    def notes(self, version: ModelVersion | None, target: str) -> list[str]:
        """Return what people should know of a search by this version for this target."""
        ...

    def is_out_of_place(self, version: ModelVersion, slugs: Sequence[str]) -> bool:
        """Return whether the app's own model answers in collections that it was not made for."""
        ...


_guides: list[Guide] = []


def guide_register(guide: Guide) -> None:
    """Let `guide` add to the pages; for `AppConfig.ready`."""
    _guides.append(guide)


def examples() -> list[Example]:
    """Return every example of every guide."""
    return [example for guide in _guides for example in guide.examples()]


def example_path(key: str) -> Path | None:
    """Return the picture of one example, None where there is none of that key."""
    return next((example.path for example in examples() if example.key == key), None)


def notes(version: ModelVersion | None, target: str) -> list[str]:
    """Return what every guide says beside a search by this version for this target."""
    return [note for guide in _guides for note in guide.notes(version, target)]


def is_out_of_place(version: ModelVersion | None, slugs: Sequence[str]) -> bool:
    """Return whether a guide's own model answers in collections, by their slugs, that it was not made for."""
    return version is not None and any(guide.is_out_of_place(version, slugs) for guide in _guides)
