"""Stores the judged notes and asks the retrievers, by the code that answers searches.

Imported once `bench.serving.attached` has named the server.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench.asking import finished, uploaded
from bench.fusing import Found
from demo.load import BUNDLE
from models_admin import services
from search.models import Collection, Document
from search.retrieval.dense import Dense
from search.retrieval.group import best_by_document
from search.retrieval.lexical import RARE_PASSAGES_MIN, Lexical
from search.retrieval.modes import retrievers_for
from search.retrieval.retrieve import ready
from search.retrieval.scope import make_scope
from search.retrieval.scoring import standardise, unit_scores
from search.retrieval.types import EncodedPart, EncodedQuery
from search.services.document_fields import DocumentFields
from search.services.documents import DocumentRecord, documents_save
from search.vectors.tables import VectorTable
from search.words.terms import look_up
from search.words.vocabulary import vocabularies_refresh
from workers.encoding.client import encode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from bench.words import Judged
    from models_admin.models import ModelVersion
    from search.words.terms import AskedWords, Term

SLUG = "judged-notes"
WANTED = 100


def stocked(notes: Sequence[dict[str, Any]]) -> ModelVersion:
    """Store the notes, once, under the demo's model, which then answers searches."""
    collection, is_new = Collection.objects.get_or_create(
        slug=SLUG, defaults={"name": SLUG, "visibility": "public"}
    )
    if is_new or Document.objects.filter(collection=collection).count() < len(notes):
        for start in range(0, len(notes), 500):
            documents_save(
                collection=collection, records=[_record(note) for note in notes[start : start + 500]]
            )
    version = uploaded(BUNDLE)
    finished(services.version_prepare(version=version))
    vocabularies_refresh()
    if services.champion() is None:
        version.refresh_from_db()
        services.version_activate(version=version, reason="benchmark")
    return version


def _record(note: dict[str, Any]) -> DocumentRecord:
    fields = DocumentFields(
        title=note["title"], body=note["body"], tags=tuple(note["tags"]), metadata=note["metadata"]
    )
    return DocumentRecord(note["external_id"], fields)


class Asker:
    """Asks every retriever and scores all that any of them finds."""

    def __init__(self, version: ModelVersion) -> None:
        self._version = version
        collection = Collection.objects.get(slug=SLUG)
        self._scope = make_scope(VectorTable(version.pk, "passage"), (collection.pk,), {})
        self._names = dict(Document.objects.filter(collection=collection).values_list("pk", "external_id"))

    def found(self, asked: Judged) -> Found:
        """Return what the retrievers say of every document that one of them found."""
        encoded = encode_text(self._version, asked.text)
        part = EncodedPart("text", encoded.vector[None, :], text=asked.text)
        query = EncodedQuery(self._version, (part,), nothing_known=encoded.unknown.nothing_known)
        looked_up = look_up(asked.text, self._scope.collections)
        words = retrievers_for("lexical", asked.text, looked_up)
        with ready((Dense(), *words), self._version, self._scope, WANTED) as retrieve:
            lists = {each.retriever: best_by_document(each.units)[:WANTED] for each in retrieve(query)}
        units = {unit.document_id: unit for each in reversed(lists.values()) for unit in each}
        documents = list(units)
        ranks = {
            name: {unit.document_id: place for place, unit in enumerate(each, 1)}
            for name, each in lists.items()
        }
        unknown = {word.lower() for word in encoded.unknown.words}
        standard = self._standard(query, [unit.unit_id for unit in units.values()])
        return Found(
            judged=asked,
            documents=np.array([self._names[document] for document in documents]),
            standard=standard,
            dense_rank=np.array([ranks["dense"].get(document, np.inf) for document in documents]),
            known=self._by_words(looked_up, documents, lambda term: term.word not in unknown),
            unknown=self._by_words(looked_up, documents, lambda term: term.word in unknown),
            rare=self._by_words(looked_up, documents, lambda term: term.passages <= RARE_PASSAGES_MIN),
            others=self._by_words(looked_up, documents, lambda term: term.passages > RARE_PASSAGES_MIN),
            lexical_rank=np.array([ranks["lexical"].get(document, np.inf) for document in documents]),
            exact=np.array([document in ranks["identifiers"] for document in documents], dtype=bool),
        )

    def _by_words(
        self, asked: AskedWords, documents: Sequence[int], counts: Callable[[Term], bool]
    ) -> NDArray[np.float64]:
        """Return each document's score by those of the words that count."""
        languages = [
            replace(each, terms=tuple(term for term in each.terms if counts(term)))
            for each in asked.languages
        ]
        retriever = Lexical(replace(asked, languages=tuple(languages)), alone=True)
        nothing = EncodedQuery(self._version, ())
        with retriever.ready(self._version, self._scope, len(self._names)) as find:
            scores = {unit.document_id: unit.score for unit in find(nothing).units}
        return np.array([scores.get(document, 0.0) for document in documents])

    def _standard(self, query: EncodedQuery, units: list[int]) -> NDArray[np.float64]:
        """Return the standardised scores by vectors, 0 where the model knows none of the words."""
        if query.nothing_known or not units:
            return np.zeros(len(units))
        scores = unit_scores(query, self._scope.table, units)
        return standardise(scores, query, self._scope.table)[:, 0].astype(float)
