"""Retrieval by what was read in a photo: the documents that carry an identifier of its nameplates and barcodes."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from search.retrieval.identifiers import named_rows
from search.retrieval.types import Candidates, Plan, Unit
from search.words.identifiers import normalised, not_within_others
from search.words.read_identifiers import look_alikes, read_identifiers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from models_admin.models import ModelVersion
    from search.retrieval.types import Find, Scope
    from workers.inference.ocr.types import TextRead

DOCUMENTS_MAX = 20
"""What is on more documents than these names none of them."""
ROWS_MAX = 300
LOOK_ALIKES_MAX = 2000


@dataclass(frozen=True)
class Named:
    """A document that is named in the photo, by one of its units; `written` is what names it."""

    written: str
    unit_id: int
    document_id: int


def named_by(texts: Iterable[TextRead], scope: Scope) -> list[Named]:
    """Return the documents of the scope that the texts name; where none is named as it was read, by look-alikes."""
    lines = [one.text for one in texts]
    read, whole = read_identifiers(lines), [normalised(line) for line in lines]
    return _named(read, scope, whole) or _named(_alike(read), scope, whole)


def _alike(read: Mapping[str, str]) -> dict[str, str]:
    alike = ((other, written) for value, written in read.items() for other in look_alikes(value))
    return dict(islice(alike, LOOK_ALIKES_MAX))


def _named(read: Mapping[str, str], scope: Scope, whole: Sequence[str]) -> list[Named]:
    rows = named_rows(scope, list(read), "", ROWS_MAX) if read else []
    documents = Counter(value for value, _, _ in rows)
    few = [value for value in documents if documents[value] <= DOCUMENTS_MAX]
    counted = not_within_others(few, whole)
    return [Named(read[value], unit, document) for value, unit, document in rows if value in counted]


class ReadIdentifiers:
    """Identifiers that were read in a search's photo."""

    def __init__(self, texts: Iterable[TextRead]) -> None:
        self._texts = tuple(texts)

    @contextmanager
    def ready(self, version: ModelVersion, scope: Scope, wanted: int) -> Iterator[Find]:
        """Look them up at once: nothing of it needs the vectors."""
        units = tuple(Unit(one.unit_id, one.document_id, 1.0) for one in named_by(self._texts, scope))
        plan = Plan("lexical", len(units), retrievers=("identifiers",))
        found = Candidates(units, plan, exhausted=True, retriever="identifiers")
        yield lambda query: found
