"""A third kind of unit in a file of its own, written by the steps of docs/development.md: captions of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from django.db import models

from search.models import Document
from search.units.kind import Shown, TextSpan, UnitKind
from search.units.texts import texts_of


class Caption(models.Model):
    """What somebody wrote under a figure; its app is not installed, so no migration asks for it."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    figure = models.PositiveIntegerField()
    words = models.TextField(blank=True)

    class Meta:
        app_label = "captions_of_tests"

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class CaptionAnswer:
    """The caption that was found, and the number of its figure."""

    words: str
    figure: int

    @classmethod
    def of(cls, unit: Caption) -> Self:
        """Return what the API says of a caption."""
        return cls(unit.words, unit.figure)


def _span(caption: Caption) -> TextSpan:
    return TextSpan(caption.words)


CAPTION = UnitKind(
    name="caption",
    target="captions",
    model=Caption,
    modality="text",
    read=texts_of(Caption, "words"),
    shown=Shown(
        CaptionAnswer,
        "Captions",
        "file-text",
        "captions",
        "captions",
        "Each document stands once, by its best caption.",
        span=_span,
        cover=True,
    ),
    where="unit.words <> ''",
)
