"""Retrieval by words: PostgreSQL's full text over passages and their documents' titles.

`ts_rank` knows nothing of how rare a word is, so a passage's score is a sum over the words of the search: each word's
inverse document frequency times its `ts_rank`, which alone is a saturating function of how often it stands there
(1 → 0.61, 2 → 0.76, many → 1) over the logarithm of the passage's length. That is BM25's shape.
Beside vectors, the words that the model does not know count for much and the others for little.

Rare words find the passages, frequent ones only help to rank them: a word that stands in every second passage would
have half of the table read.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

from retrieval_site.database.reading import connection
from search.retrieval import statements
from search.retrieval.types import Candidates, Plan, Unit
from search.units.passage import PASSAGE
from search.units.registry import unit_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models_admin.models import ModelVersion
    from search.retrieval.types import EncodedQuery, Find, Scope
    from search.words.terms import AskedWords, LanguageTerms, Term

DOCUMENTS_MIN = 100
"""Documents taken at least: as many as are kept of a first look."""
FOUND_BY_MAX = 2_000
"""The rarest words look for passages as long as they stand in so many together; the rarest always does."""
SCORED_MAX = 10_000
"""Passages scored at most, of those that match."""
FILLING = (200, 1_500)
"""Of those that only fill up what rare words found too little of, one after the other until there are documents enough:
where each has one passage, the first gives twice as many as are wanted in a third of the time of the second.
"""
UNKNOWN_WEIGHT, KNOWN_WEIGHT = 16.0, 0.05
"""Of a word's score beside one of vectors in deviations: `python -m bench.fusing` finds both."""
RARE_PASSAGES_MIN, RARE_SHARE = 5, 0.002
"""A word that stands in so many passages, or that share of all, is taken for unknown to a model that reads pieces."""
LENGTH_LOGARITHM = 1
"""ts_rank's normalization."""

_FIND = sql.SQL("""
    SELECT {unit}, best.document_id, best.score
    FROM (
        SELECT DISTINCT ON (document_id) document_id, passage_id, score
        FROM (
            SELECT document_id, passage_id, {score} AS score
            FROM lexical_passage lexical
            WHERE words @@ %(matching)s::tsquery AND language = %(language)s AND {conditions}
            LIMIT {scored}
        ) matched
        ORDER BY document_id, score DESC, passage_id
    ) best {join}
    ORDER BY best.score DESC, best.document_id LIMIT %(count)s
""")
_TERM = sql.SQL("%({weight})s * ts_rank('{{1,1,1,1}}', words, %({lexeme})s::tsquery, {normalization})")
_FIRST_UNIT = sql.SQL("""
    JOIN LATERAL (
        SELECT unit.id FROM {units} unit WHERE unit.document_id = {document} ORDER BY {order} LIMIT 1
    ) unit ON true
""")
_UNIT_AT_PASSAGE = sql.SQL("""
    JOIN search_passage passage ON passage.id = {passage}
    JOIN {units} unit ON unit.document_id = passage.document_id AND {where}
""")


@dataclass(frozen=True)
class _Look:
    """A tsquery, and how many of the passages that match are scored."""

    query: str
    most: int


class Lexical:
    """The words of a search, looked for in full text; `alone` where no other retriever finds what they do not."""

    def __init__(self, asked: AskedWords, *, alone: bool) -> None:
        self._asked, self._alone = asked, alone

    @contextmanager
    def ready(self, version: ModelVersion, scope: Scope, wanted: int) -> Iterator[Find]:
        """Prepare nothing: what a word counts depends on whether the model knows it."""
        yield lambda query: self._find(query, scope, max(DOCUMENTS_MIN, wanted))

    def _find(self, query: EncodedQuery, scope: Scope, count: int) -> Candidates:
        alone = self._alone or query.nothing_known
        found = []
        for each in self._asked.languages:
            weights = [each.idf(term) * (1.0 if alone else _weight(term, each, query)) for term in each.terms]
            units = _matching(scope, each, weights, _Look(_narrow(each), SCORED_MAX), count)
            found.append(_filled_up(units, scope, each, weights, count) if alone else units)
        return _candidates(found, count)


def _weight(term: Term, each: LanguageTerms, query: EncodedQuery) -> float:
    """Return what a word counts beside the vectors, which say of words that the model knows all but a little.

    Of a model that reads words in pieces nobody knows which ones it knows: what is rare counts as unknown.
    """
    if query.knows_whole_words:
        is_unknown = term.word in query.unknown_words
    else:
        is_unknown = term.passages <= max(RARE_PASSAGES_MIN, RARE_SHARE * each.passages)
    return UNKNOWN_WEIGHT if is_unknown else KNOWN_WEIGHT


def _candidates(found: list[list[Unit]], count: int) -> Candidates:
    units = sorted((unit for units in found for unit in units), key=lambda unit: -unit.score)
    plan = Plan("lexical", len(units), retrievers=("lexical",))
    exhausted = all(len(units) < count for units in found)
    return Candidates(tuple(units), plan, exhausted, retriever="lexical")


def _filled_up(
    units: list[Unit], scope: Scope, each: LanguageTerms, weights: Sequence[float], count: int
) -> list[Unit]:
    """Return what the rarest words found, and where that is too little, what any of the words does.

    What was found stays: of a word that stands everywhere, only some passages are looked at.
    """
    looks = (*FILLING, SCORED_MAX) if units else (SCORED_MAX,)
    for most in looks if _narrow(each) != _wide(each) else ():
        if len(units) < count:
            known = {unit.document_id for unit in units}
            others = _matching(scope, each, weights, _Look(_wide(each), most), count)
            units = [*units, *(unit for unit in others if unit.document_id not in known)]
    return units


def _matching(
    scope: Scope, each: LanguageTerms, weights: Sequence[float], look: _Look, count: int
) -> list[Unit]:
    """Return the best passages that match, one a document, or units of another kind that these lead to."""
    if not look.query:
        return []
    parameters: dict[str, Any] = {"matching": look.query, "language": each.language}
    for place, (term, weight) in enumerate(zip(each.terms, weights, strict=True)):
        parameters |= {f"lexeme_{place}": term.query, f"weight_{place}": weight}
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(scope, len(each.terms), look.most),
            parameters | statements.parameters(scope, count=count),
        )
        return [Unit(*row) for row in cursor.fetchall()]


def _statement(scope: Scope, terms: int, most: int) -> str:
    score = sql.SQL(" + ").join(
        _TERM.format(
            weight=sql.SQL(f"weight_{place}"),
            lexeme=sql.SQL(f"lexeme_{place}"),
            normalization=sql.Literal(LENGTH_LOGARITHM),
        )
        for place in range(terms)
    )
    is_passage = scope.table.kind == PASSAGE.name
    return _FIND.format(
        unit=sql.SQL("best.passage_id" if is_passage else "unit.id"),
        score=score,
        conditions=statements.conditions(scope),
        scored=sql.Literal(most),
        join=sql.SQL("") if is_passage else _unit_of_passage(scope),
    ).as_string()


def _unit_of_passage(scope: Scope) -> sql.Composed:
    return unit_at_passage(scope, sql.SQL("best.passage_id")) or first_unit(
        scope, sql.SQL("best.document_id")
    )


def unit_at_passage(scope: Scope, passage: sql.Composable) -> sql.Composed | None:
    """Return the join with the unit `unit` that stands where a passage does; None for kinds that stand nowhere."""
    if not (where := unit_kind(scope.table.kind).at_passage):
        return None
    return _UNIT_AT_PASSAGE.format(units=scope.table.unit_rows, passage=passage, where=sql.SQL(where))


def first_unit(scope: Scope, document: sql.Composable) -> sql.Composed:
    """Return the join with the first unit `unit` that a document has of the scope's kind."""
    ordering = unit_kind(scope.table.kind).model._meta.ordering or ["id"]
    order = sql.SQL(", ").join(sql.Identifier("unit", str(column)) for column in ordering)
    return _FIRST_UNIT.format(units=scope.table.unit_rows, document=document, order=order)


def _narrow(each: LanguageTerms) -> str:
    """Return the tsquery of the rarest words; where even the rarest is frequent, of it together with another one."""
    rarest_first = sorted(each.terms, key=lambda term: term.passages)
    found, passages = rarest_first[:1], sum(term.passages for term in rarest_first[:1])
    if passages > FOUND_BY_MAX and len(rarest_first) > 1:
        return f"{found[0].query} & ({' | '.join(term.query for term in rarest_first[1:])})"
    for term in rarest_first[1:]:
        passages += term.passages
        if passages > FOUND_BY_MAX:
            break
        found.append(term)
    return " | ".join(sorted(term.query for term in found))


def _wide(each: LanguageTerms) -> str:
    """Return the tsquery of all words."""
    return " | ".join(sorted(term.query for term in each.terms))
