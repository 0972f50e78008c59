"""An OAI-PMH server is read page by page, then only what is new; its tricks end a round, never the worker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from retrieval_site.errors import AppError
from search.models import Document, Source
from search.services.sources import source_update
from search.sources import fetching, oai_pmh
from search.sources.xml import read_xml
from tests.support.oai_server import OaiServer, Row
from tests.support.picture_server import sends
from tests.support.sources import report
from workers.jobs import services
from workers.jobs.errors import JobStopped
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(fetching, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(fetching, "WAIT_SECONDS_MAX", 0.01)


@pytest.fixture
def oai():
    """A server with five records on three pages."""
    server = OaiServer()
    for number in range(5):
        server.add(f"oai:a:{number}", title=f"Pump {number}", description=f"The seal of pump {number} leaks.")
    return server


@pytest.fixture
def source(rounds, oai, web):
    web.routes = oai
    return rounds.source("oai_pmh", f"http://127.0.0.1:{web.port}/oai")


def test_all_records_become_documents_once_and_later_rounds_ask_for_what_is_new(rounds, source, oai, names):
    assert report(rounds.take(source)) == {"new": 5}
    assert names() == [f"oai:a:{n}" for n in range(5)]
    assert Document.objects.get(external_id="oai:a:3").body == "The seal of pump 3 leaks."
    oai.now = "2026-11-30T10:00:00Z"
    oai.add("oai:a:1", "2026-11-29T12:00:00Z", title="Pump 1 again")
    oai.rows["oai:a:2"] = Row("2026-11-29T12:00:00Z", deleted=True)
    oai.add("oai:a:9", "2026-11-29T12:00:00Z", title="Pump 9")
    assert report(rounds.take(source)) == {"new": 1, "changed": 1, "deleted": 1}
    assert names() == ["oai:a:0", "oai:a:1", "oai:a:3", "oai:a:4", "oai:a:9"]
    asked = [one for one in oai.asked if one["verb"] == "ListRecords" and "metadataPrefix" in one]
    assert [one.get("from") for one in asked] == [None, "2026-11-29T10:00:00Z"]
    assert report(rounds.take(source)) == {}


def test_the_same_records_again_change_nothing(rounds, source):
    rounds.take(source)
    stamps = list(Document.objects.values_list("pk", "updated_at"))
    assert report(rounds.take(source, anew=True)) == {"unchanged": 5}
    assert list(Document.objects.values_list("pk", "updated_at")) == stamps


def test_the_elements_of_dublin_core_become_fields(rounds, source, oai):
    oai.rows.clear()
    oai.add(
        "oai:a:1",
        title=["Der Motor", "The motor"],
        description="A scorched motor.",
        subject=["motors", "heat"],
        creator=["Ann", "Bob"],
        date="1961",
        rights="CC BY",
        language="en",
        type="Image",
        identifier=["ISBN 3", "https://example.com/1"],
    )
    rounds.take(source)
    found = Document.objects.get()
    assert (found.title, found.body) == ("Der Motor", "The motor\n\nA scorched motor.")
    assert (found.url, found.tags) == ("https://example.com/1", ["motors", "heat"])
    assert found.metadata == {
        "creator": ["Ann", "Bob"], "date": "1961", "rights": "CC BY", "language": "en", "type": "Image",
        "identifier": "ISBN 3",
    }  # fmt: skip


def test_another_mapping_makes_all_documents_anew(rounds, source, anna):
    rounds.take(source)
    source_update(
        source=source, by=anna, options={"fields": {"description": "metadata.summary", "title": "title"}}
    )
    assert report(rounds.take(source)) == {"changed": 5}
    assert Document.objects.first().metadata == {"summary": "The seal of pump 0 leaks."}


def test_only_the_records_of_a_set_are_asked_for(rounds, source, oai, anna, names):
    oai.rows["oai:a:3"].sets = ("maps",)
    source_update(source=source, by=anna, options={"set": "maps"})
    assert report(rounds.take(source)) == {"new": 1}
    assert names() == ["oai:a:3"]


def test_a_server_that_forgets_deletions_is_compared_with_what_was_there(rounds, source, oai, names):
    oai.deleted_record = "no"
    rounds.take(source)
    del oai.rows["oai:a:0"]
    assert report(rounds.take(source)) == {}
    Source.objects.update(complete_at="2026-01-01T00:00:00Z")
    source.refresh_from_db()
    assert report(rounds.take(source)) == {"unchanged": 4, "deleted": 1}
    assert "oai:a:0" not in names()


def test_a_server_that_says_that_most_is_deleted_is_not_believed_at_once(rounds, source, oai, names):
    rounds.take(source)
    for row in oai.rows.values():
        row.deleted, row.stamp = True, "2026-11-29T12:00:00Z"
    job = rounds.take(source)
    assert (job.result["held_back"], len(names())) == (5, 5)
    assert report(rounds.take(source, delete_many=True)) == {"deleted": 5}
    assert names() == []


def test_dates_are_asked_for_as_finely_as_the_server_has_them(rounds, source, oai):
    oai.granularity = "YYYY-MM-DD"
    rounds.take(source)
    rounds.take(source)
    assert [one["from"] for one in oai.asked if "from" in one] == ["2026-11-29"]


def test_a_token_that_expired_begins_the_list_again_and_nothing_counts_twice(rounds, source, oai):
    oai.expired = 1
    assert report(rounds.take(source)) == {"new": 5}
    oai.expired = 5
    assert rounds.take(source, anew=True).error_id == "source.token_expired"


def test_killed_in_the_middle_it_goes_on_with_the_same_page(rounds, source, oai, monkeypatch, names):
    original, calls = oai_pmh.OaiReader.content, []

    def dying(self, entry):
        calls.append(entry.key)
        if len(calls) == 4:
            raise JobStopped
        return original(self, entry)

    monkeypatch.setattr(oai_pmh.OaiReader, "content", dying)
    job = rounds.take(source)
    assert (job.state, names()) == ("queued", ["oai:a:0", "oai:a:1"])
    before = len(oai.asked)
    assert report(run_job_inline(job)) == {"new": 5}
    assert [one.get("resumptionToken") for one in oai.asked[before:]] == ["||2", "||4"]


def test_a_record_without_dublin_core_is_a_failed_item_and_is_asked_for_again(rounds, source, oai):
    oai.rows["oai:a:1"].dc = {}
    job = rounds.take(source)
    assert report(job) == {"new": 4, "failed": 1}
    assert [(i.key, i.error_id) for i in job.items.all()] == [("oai:a:1", "source.no_dublin_core")]
    oai.rows["oai:a:1"].dc = {"title": ["Mended"]}
    again = run_job_inline(services.job_retry_failed(job))
    assert report(again) == {"new": 5}


def test_what_failed_is_asked_for_by_the_next_round_though_it_has_not_changed(rounds, source, oai, names):
    oai.rows["oai:a:1"].dc = {}
    rounds.take(source)
    oai.rows["oai:a:1"].dc = {"title": ["Mended"]}
    assert report(rounds.take(source)) == {"new": 1}
    assert "oai:a:1" in names()


def test_further_addresses_of_a_record_stand_beside_its_other_identifiers(rounds, source, oai):
    addresses = ["https://a.example/1", "https://a.example/1.pdf", "https://a.example/1.xml"]
    oai.add("oai:a:1", title="Pump", identifier=["ISBN 3", *addresses])
    rounds.take(source)
    found = Document.objects.get(external_id="oai:a:1")
    assert found.url == addresses[0]
    assert found.metadata["identifier"] == ["ISBN 3", *addresses[1:]]


def test_a_record_that_cannot_be_asked_for_is_a_failed_item_and_ends_no_round(
    rounds, source, oai, monkeypatch, names
):
    oai.rows["oai:a:1"].dc = {}
    job = rounds.take(source)
    oai.add("oai:a:9", "2026-11-29T12:00:00Z", title="Pump 9")
    one = oai_pmh.OaiReader.one

    def refused(self, key):
        if key == "oai:a:1":
            raise AppError("source.oai_error", code="cannotDisseminateFormat", reason="not in this format")
        return one(self, key)

    monkeypatch.setattr(oai_pmh.OaiReader, "one", refused)
    later = rounds.take(source)
    assert report(later)["failed"] == 1
    assert [(i.key, i.error_id) for i in later.items.all()] == [("oai:a:1", "source.oai_error")]
    assert "oai:a:9" in names()
    again = run_job_inline(services.job_retry_failed(later))
    assert report(again)["failed"] == 1
    assert job.result["failed"] == 1


def test_a_server_that_answers_nothing_ends_the_round(rounds, source, oai, monkeypatch):
    oai.rows["oai:a:1"].dc = {}
    rounds.take(source)

    def silent(self, key):
        raise AppError("source.unreachable", host="a.example")

    monkeypatch.setattr(oai_pmh.OaiReader, "one", silent)
    assert rounds.take(source).error_id == "source.unreachable"


def test_options_that_change_while_a_round_is_at_work_read_all_anew(rounds, source, oai, anna, monkeypatch):
    batches = oai_pmh.OaiReader.batches

    def changing(self, after):
        yield from batches(self, after)
        now = Source.objects.get(pk=source.pk)
        source_update(source=now, by=anna, options={"fields": {"title": "body"}})

    with monkeypatch.context() as patched:
        patched.setattr(oai_pmh.OaiReader, "batches", changing)
        assert report(rounds.take(source)) == {"new": 5}
    source.refresh_from_db()
    assert source.since == ""
    assert report(rounds.take(source)) == {"changed": 5}


def test_a_busy_server_is_asked_again(rounds, source, oai):
    oai.replies = [(503, b"later", {"Retry-After": "1"}), (503, b"later", {})]
    assert report(rounds.take(source)) == {"new": 5}
    oai.replies = [(503, b"later", {})] * 4
    assert rounds.take(source).error_id == "source.status"


PAGE = (
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords>{}<resumptionToken>{}</resumptionToken>'
    "</ListRecords></OAI-PMH>"
)
RECORD = "<record><header><identifier>x</identifier></header><metadata><dc><title>T</title></dc></metadata></record>"


def always(page):
    """Answer with the pages that `page` gives by number, after the server has said who it is."""
    count = iter(range(10_000))

    def respond(request) -> None:
        body = PAGE.format(*page(next(count))) if "Identify" not in request.path else IDENTIFY
        sends(body.encode())(request)

    return respond


IDENTIFY = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><Identify/></OAI-PMH>'


@pytest.mark.parametrize(
    ("answer", "error_id"),
    [
        (always(lambda n: (RECORD, "same")), "source.no_end"),
        (always(lambda n: ("", f"token {n}")), "source.no_end"),
        (always(lambda n: (RECORD, f"token {n}")), "source.no_end"),
        (sends(b"<html><body>Welcome</body></html>"), "source.not_oai"),
        (sends(b"<html><br></html>"), "source.not_xml"),
        (sends(b"\x89PNG\r\n"), "source.not_xml"),
        (sends(b""), "source.not_xml"),
        (sends(b"gone", 404), "source.status"),
        (sends(b"", 302, Location="http://169.254.169.254/"), "source.not_public"),
        (sends(b"", 302, Location="file:///etc/passwd"), "source.address_invalid"),
        (sends(b"<a>" * 70 + b"</a>" * 70), "source.answer_too_large"),
        (sends(b"x" * 100, Content_Length=str(1 << 30)), "source.answer_too_large"),
        (
            sends(b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="badVerb">No</error></OAI-PMH>'),
            "source.oai_error",
        ),
    ],
    ids=[
        "same token", "empty pages", "same page", "html", "bad html", "picture", "nothing", "404", "private address",
        "file", "deep", "large", "refusal",
    ],
)  # fmt: skip
def test_what_a_strange_server_answers_ends_the_round_with_its_reason(rounds, web, answer, error_id):
    web.routes = answer
    job = rounds.take(rounds.source("oai_pmh", f"http://127.0.0.1:{web.port}/oai"))
    assert (job.state, job.error_id) == ("failed", error_id)


def test_a_private_address_is_not_asked_unless_the_operator_allows_it(rounds, settings, web, oai):
    web.routes = oai
    settings.CONFIG = replace(settings.CONFIG, source_networks=[])
    job = rounds.take(rounds.source("oai_pmh", f"http://localhost:{web.port}/oai"))
    assert (job.error_id, oai.asked) == ("source.not_public", [])


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&y;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>',
        b"<a>" + b"\0" + b"</a>",
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
    ],
    ids=["external entity", "bomb", "external type", "nul", "odd encoding"],
)
def test_entities_and_document_types_are_refused(data):
    with pytest.raises(AppError) as refused:
        read_xml(data)
    assert refused.value.id == "source.not_xml"


def test_more_elements_than_an_answer_has_are_refused(monkeypatch):
    with pytest.raises(AppError) as refused:
        read_xml(b"<a>" + b"<b/>" * 300_001 + b"</a>")
    assert refused.value.id == "source.answer_too_large"


@pytest.mark.parametrize(
    "address", ["ftp://a.example/", "http://u:p@a.example/", "http://a.example:22/", "nothing"]
)
def test_addresses_that_are_none_are_refused_when_the_source_is_made(rounds, address):
    with pytest.raises(AppError) as refused:
        rounds.source("oai_pmh", address)
    assert refused.value.id == "source.address_invalid"


def test_a_dry_run_reads_the_first_records_only_and_stores_nothing(rounds, source, monkeypatch):
    from search.sources import round as round_module

    monkeypatch.setattr(round_module, "DRY_ENTRIES_MAX", 4)
    check = rounds.first_dry_run(source)
    assert report(check) == {"new": 4}
    assert check.result["examples"] == ["Pump 0", "Pump 1", "Pump 2", "Pump 3"]
    assert [w["id"] for w in check.result["warnings"]] == ["source.dry_run_short"]
    assert not Document.objects.exists()
