"""Passages: spans of a document's text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from retrieval_site.languages.lazy import gettext_lazy
from search.models import Passage
from search.units.kind import Shown, TextSpan, UnitKind
from search.units.texts import texts_of


@dataclass(frozen=True)
class PassageAnswer:
    """The passage that was found; offsets are characters of the document's body."""

    text: str
    start: int
    end: int
    heading: str = field(
        metadata={"help_text": "titles of the sections that it stands in", "allow_blank": True}
    )
    page: int = field(metadata={"help_text": "from 1; 0 where its document has no pages"})

    @classmethod
    def of(cls, unit: Passage) -> Self:
        """Return what the API says of a passage."""
        return cls(unit.text, unit.start, unit.end, unit.heading, unit.page)


def _span(passage: Passage) -> TextSpan:
    return TextSpan(passage.text, passage.start, passage.end)


PASSAGE = UnitKind(
    name="passage",
    target="passages",
    model=Passage,
    modality="text",
    read=texts_of(Passage, "heading", "text"),
    shown=Shown(
        PassageAnswer,
        gettext_lazy("Documents"),
        "file-text",
        gettext_lazy("passages"),
        gettext_lazy("documents"),
        gettext_lazy("Each document stands once, by its best passage."),
        span=_span,
        cover=True,
        on_page=True,
    ),
    content="text",
)
