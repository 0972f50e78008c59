"""The stages in a row: what run() gives, and that a retriever is one file and one entry."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY

from retrieval_site.tracing import asked_by
from search.models import Document, Passage, Query
from search.retrieval import reopen
from search.retrieval.calibrate import calibrate
from search.retrieval.dense import Dense
from search.retrieval.encode import Known
from search.retrieval.fuse import fuse
from search.retrieval.group import group
from search.retrieval.runner import Asked, run
from search.retrieval.scope import scope_for
from search.retrieval.types import (
    Candidates,
    EncodedPart,
    EncodedQuery,
    Plan,
    RankedDocument,
    SearchRequest,
    TextPart,
    Unit,
)
from tests.support.corpus import clustered, make_documents, store

pytestmark = pytest.mark.django_db
DIM = 16
DENSE = (Dense(),)
NEAR = clustered(1, DIM, seed=9)[0]


class ByExternalId:
    """A retriever of its own kind: a text that names documents finds these and no others."""

    @contextmanager
    def ready(self, version, scope, wanted):
        def find(query):
            named = Passage.objects.filter(document__external_id__in=query.parts[0].text.split())
            named = named.filter(document__collection__in=scope.collections)
            rows = named.exclude(document__in=scope.excluded).order_by("pk")
            units = tuple(Unit(row.pk, row.document_id, 1.0) for row in rows)
            return Candidates(units, Plan("exact", len(units)), exhausted=True)

        yield find


def asked(version, text="", *, wanted=10, most=100, excluded=(), retrievers=DENSE):
    query = EncodedQuery(version, (EncodedPart("text", NEAR[None], text=text),))
    scope = replace(scope_for(version, None, "passages"), excluded=frozenset(excluded))
    return Asked(Known(query), scope, wanted, most, retrievers=retrievers)


def test_without_a_request_the_ranking_is_given_and_nothing_read_for_a_page_or_kept(version, passages):
    with CaptureQueriesContext(connection) as queries:
        ranking = run(asked(version))
    cosines = clustered(40, DIM, seed=1) @ NEAR
    assert [found.document_id for found in ranking.documents] == [
        passages[row].document_id for row in np.argsort(-cosines)
    ]
    assert {found.relevance for found in ranking.documents} == {None}
    assert (ranking.kind, ranking.plan, ranking.more) == ("passage", Plan("exact", 48), False)
    tables = " ".join(query["sql"] for query in queries)
    assert "search_document" not in tables
    assert Query.objects.count() == 0


def test_a_ranking_that_is_cut_says_that_there_is_more(version, passages):
    ranking = run(asked(version, most=7))
    assert (len(ranking.documents), ranking.more) == (7, True)


def test_what_the_scope_leaves_out_is_in_no_ranking(version, passages):
    best = run(asked(version)).documents[0].document_id
    assert best not in [found.document_id for found in run(asked(version, excluded=[best])).documents]


def test_nobody_who_runs_it_opens_a_transaction_or_sets_a_plan(version, passages):
    """The settings are those of the search's own transaction, and gone behind it."""
    with transaction.atomic():
        run(asked(version))
    with connection.cursor() as cursor, Dense().ready(version, asked(version).scope, 10) as find:
        cursor.execute("SHOW hnsw.iterative_scan")
        assert cursor.fetchone() == ("relaxed_order",)
        assert find(asked(version).encoding.finish()).units


def test_the_database_names_a_search_by_its_request_and_the_next_one_by_its_own(version, passages):
    said, name = [], connection.settings_dict["OPTIONS"]["application_name"]
    connection.ensure_connection()
    connection.connection.add_notice_handler(said.append)
    for asker, shown in (("r" * 64, f"{name} {'r' * 64}"[:63]), ("mine", f"{name} mine"), ("-", name)):
        with transaction.atomic():
            with (
                asked_by(asker),
                Dense().ready(version, asked(version).scope, 10),
                connection.cursor() as cursor,
            ):
                cursor.execute("SHOW application_name")
                assert cursor.fetchone() == (shown,)
            transaction.set_rollback(
                True
            )  # the search's own transaction, which is part of the test's here, ends
    connection.connection.remove_notice_handler(said.append)
    assert said == []  # of a name that is cut


def _searches_timed():
    """How many searches `/metrics` has the time of."""
    return REGISTRY.get_sample_value("sightline_search_stage_seconds_count", {"stage": "total"}) or 0


def test_a_retriever_that_is_registered_answers_pages_and_is_kept(version, passages):
    wanted = [passages[row].document for row in (3, 17)]
    words = " ".join(document.external_id for document in wanted)
    request = SearchRequest(viewer=None, parts=(TextPart(words),), limit=1)
    counted = _searches_timed()
    outcome = run(asked(version, words, retrievers=(ByExternalId(),)), request)
    assert _searches_timed() == counted + 1
    assert [hit.document for hit in outcome.page.hits] == wanted[:1]
    assert outcome.is_kept
    answer = reopen(outcome.query.pk, None, 10)
    assert [hit.document for hit in answer.hits] == wanted
    rest = asked(version, words, excluded=[wanted[0].pk], retrievers=(ByExternalId(),))
    assert run(rest).documents == (RankedDocument(wanted[1].pk, passages[17].pk, 1.0),)


def test_what_two_retrievers_found_is_fused_by_their_scores(version, passages):
    class Lexical(ByExternalId):
        @contextmanager
        def ready(self, version, scope, wanted):
            with super().ready(version, scope, wanted) as find:
                yield lambda query: replace(
                    find(query),
                    units=tuple(replace(unit, score=100.0) for unit in find(query).units),
                    retriever="lexical",
                )

    best = run(asked(version)).documents[0].document_id
    other = passages[17] if passages[17].document_id != best else passages[18]
    words = f"{Document.objects.get(pk=best).external_id} {other.document.external_id}"
    ranking = run(asked(version, words, retrievers=(Dense(), Lexical())))
    assert {found.document_id for found in ranking.documents[:2]} == {best, other.document_id}
    assert len(ranking.documents) == 40
    assert ranking.plan.retrievers == ("dense", "lexical")


def test_the_stages_between_are_small(version):
    found = Candidates(
        (Unit(1, 10, 0.25), Unit(2, 20, 0.5), Unit(3, 10, 0.7500004)), Plan("ann", 48, 48), True
    )
    assert fuse([found], None, None) is found
    assert [unit.unit_id for unit in group(found, 10).units] == [3, 2]
    assert (group(found, 1).units, group(found, 1).exhausted) == ((Unit(3, 10, 0.7500004),), False)
    question = asked(version)
    ranking = calibrate(group(found, 10), question.encoding.finish(), question.scope)
    assert ranking.documents == (RankedDocument(10, 3, 0.75, None), RankedDocument(20, 2, 0.5, None))
    assert (ranking.kind, ranking.plan, ranking.more) == ("passage", found.plan, False)


def test_words_of_which_nothing_is_known_find_nothing_by_vectors(version, passages):
    known = asked(version)
    query = known.encoding.finish()
    query = replace(query, parts=(replace(query.parts[0], nothing_known=True),))
    assert run(replace(known, encoding=Known(query))).documents == ()


def test_more_than_was_kept_is_found_by_the_same_stages(ask, version, collection):
    store(version, make_documents(collection, 130), clustered(130, DIM, seed=5))
    first = ask(NEAR, limit=100)
    ids = [hit.document.pk for hit in first.hits]
    ids += [hit.document.pk for hit in reopen(first.query_id, None, 100, first.next).hits]
    whole = run(asked(version, wanted=130, most=130)).documents
    assert ids == [found.document_id for found in whole]


def test_a_search_is_thirteen_statements_and_what_it_keeps_comes_behind_what_it_reads(ask, passages):
    ask(NEAR)  # how much there is, is known for some seconds then
    with CaptureQueriesContext(connection) as queries:
        ask(NEAR)
    first_words = [query["sql"].split()[:3] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(first_words) == 13
    with asked_by("mine"), CaptureQueriesContext(connection) as named:
        ask(NEAR)
    more = [query["sql"] for query in named if "SAVEPOINT" not in query["sql"]]
    assert len(more) == 13 + 1  # in the trip of the others, which name the search by its request
    kept = [words for words in first_words if words[0] in ("INSERT", "UPDATE", "DELETE")]
    assert (
        kept
        == first_words[-2:]
        == [["INSERT", "INTO", f'"search_{name}"'] for name in ("query", "querypart")]
    )
