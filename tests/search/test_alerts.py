"""Telling people of new documents that fit what they saved: each once, and never what they may not see."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPSenderRefused
from typing import ClassVar

import numpy as np
import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.alerts import find
from search.alerts.mail import mail_due
from search.job_types import FIND_NEW, MAIL_NEW
from search.judged import asking
from search.models import (
    Collection,
    Document,
    DocumentImage,
    Membership,
    Passage,
    Query,
    SavedSearch,
    SearchFinding,
)
from search.services.alerts import alerts_set, find_new_soon, findings_unseen
from search.services.saved_searches import saved_search_create
from search.vectors.background import backgrounds_forget
from search.vectors.copy import vectors_write
from tests.search.judged.test_measure import FakeEncoder
from tests.support.corpus import make_collection, make_documents, make_version, unit_rows
from tests.support.queries import make_query
from tests.support.words import write
from workers.jobs.errors import JobInterrupted
from workers.jobs.runner import run_job_inline
from workers.jobs.services import job_create, job_create_once
from workers.jobs.types import JobParameters
from workers.models import Job
from workers.storage.blobs import blob_store

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean_redis")]
DIM = 16
ASKED = unit_rows(np.eye(1, DIM, dtype=np.float32))


@pytest.fixture
def version():
    return make_version(dim=DIM)


@pytest.fixture
def notes(version) -> Collection:
    """Twenty documents; the tenth has the score 0.5."""
    collection = make_collection("notes")
    add(version, collection, *(1 - rank / 18 for rank in range(20)))
    return collection


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", email="ann@example.org")


@pytest.fixture
def mails(settings):
    settings.CONFIG = replace(
        settings.CONFIG, site_url="https://sightline.example", email_host="mail.example"
    )


def add(version, collection, *scores: float) -> list[Document]:
    """Documents with vectors of these scores."""
    passages = make_documents(collection, len(scores))
    vectors = np.stack([at(score)[: version.dim] for score in scores])
    vectors_write(version, "passage", [passage.pk for passage in passages], vectors)
    return [passage.document for passage in passages]


def at(score: float) -> np.ndarray:
    """A vector of this score."""
    return (score * ASKED[0] + np.sqrt(1 - score**2) * np.eye(DIM, dtype=np.float32)[1]).astype(np.float32)


def saved(version, user: User, alerts: str = "page", **fields) -> SavedSearch:
    query = make_query(
        modality="embedding", user=user, version=version, embedding=ASKED.astype("<f4").tobytes(), **fields
    )
    row, _ = saved_search_create(query_id=query.pk, viewer=user, name="Mine")
    alerts_set(saved=row, alerts=alerts)
    return row


def look() -> int:
    done = run_job_inline(job_create(FIND_NEW, JobParameters()))
    assert done.state == "succeeded", done.error
    return FIND_NEW.result_of(done).found or 0


def found(row: SavedSearch) -> set[int]:
    return set(row.findings.values_list("document", flat=True))


def test_a_new_document_is_found_that_would_have_been_on_the_first_page(version, notes, ann) -> None:
    row = saved(version, ann)
    good, bad = add(version, notes, 0.9, 0.3)
    assert look() == 1
    assert found(row) == {good.pk} != {bad.pk}
    assert look() == 0
    assert SearchFinding.objects.count() == 1


def test_what_was_there_when_somebody_began_to_wait_is_not_new(version, notes, ann) -> None:
    row = saved(version, ann, alerts="off")
    add(version, notes, 0.95)
    assert look() == 0
    alerts_set(saved=row, alerts="page")
    assert look() == 0
    (late,) = add(version, notes, 0.94)
    alerts_set(saved=row, alerts="page")  # asking again does not begin anew
    assert look() == 1
    assert found(row) == {late.pk}


def test_many_new_documents_are_all_found(version, notes, ann) -> None:
    row = saved(version, ann)
    new = add(version, notes, *(0.8 + number / 1000 for number in range(30)))
    assert look() == 30
    assert found(row) == {document.pk for document in new}


def test_what_hardly_fits_is_not_told_though_nothing_fits_better(version, ann) -> None:
    collection = make_collection("unrelated")
    scores = np.random.default_rng(1).normal(size=200) * 0.1
    add(version, collection, *scores)
    row = saved(version, ann)
    backgrounds_forget()
    _, close = add(version, collection, np.sort(scores)[-9], 0.9)
    assert look() == 1
    assert found(row) == {close.pk}


def test_only_documents_that_the_person_may_see_at_that_moment_are_found_counted_and_shown(
    version, notes, ann, client
) -> None:
    vault = make_collection("vault", visibility="private")
    row = saved(version, ann)
    add(version, vault, 0.99)
    assert look() == 0
    Membership.objects.create(collection=vault, user=ann, role="reader")
    assert look() == 1
    assert findings_unseen(ann) == 1
    Membership.objects.all().delete()
    assert findings_unseen(ann) == 0
    client.force_login(ann)
    page = client.get(f"/searches/saved/{row.pk}/new/").content.decode()
    assert "Nothing new fits yet." in page
    assert 'class="count"' not in page


def test_filters_and_collections_of_the_search_hold(version, notes, ann) -> None:
    other = make_collection("other")
    row = saved(version, ann, collections=["notes"])
    gone = saved(version, ann, collections=["no-more"])
    add(version, other, 0.99)
    (here,) = add(version, notes, 0.98)
    look()
    assert (found(row), found(gone)) == ({here.pk}, set())


def test_a_killed_look_goes_on_and_finds_nothing_twice(version, notes, ann, monkeypatch) -> None:
    monkeypatch.setattr(find, "BATCH_SEARCHES", 1)
    rows = [saved(version, ann) for _ in range(3)]
    (new,) = add(version, notes, 0.9)
    job = job_create(FIND_NEW, JobParameters())
    with monkeypatch.context() as broken:
        stops = iter([None, JobInterrupted()])

        def checkpoint(_run) -> None:
            if stop := next(stops, None):
                raise stop

        broken.setattr("workers.jobs.context.JobContext.checkpoint", checkpoint)
        run_job_inline(job)
    job.refresh_from_db()
    assert (job.state, job.result["found"]) == ("queued", 2)
    assert run_job_inline(job).result["found"] == 3
    assert all(found(row) == {new.pk} for row in rows)


def test_after_a_switch_of_models_the_search_is_encoded_anew(version, notes, ann, monkeypatch) -> None:
    row = saved(version, ann)
    second = make_version("second", dim=DIM)
    (new,) = add(second, notes, 0.9)
    asked = []

    def rankings(of, queries, _run, *, find):
        asked.append((of, [query.pk for query in queries], find.keywords))
        return {row.query_id: [new.pk]}

    monkeypatch.setattr(find, "rankings", rankings)
    assert look() == 1
    assert asked == [(second, [row.query_id], {"weak": False})]


def test_words_and_part_numbers_are_told_of_though_no_vector_lies_close(version, notes, ann) -> None:
    words = saved(version, ann, text="KX-204", mode="auto")
    words.query.parts.update(modality="text")
    (new,) = write(notes, "Seal of the KX-204 pump.")
    look()
    assert found(words) == {new.pk}


def test_what_is_less_relevant_than_was_asked_for_is_not_told(version, notes, ann) -> None:
    row = saved(version, ann, min_relevance=0.5)
    add(version, notes, 0.9)
    assert (look(), found(row)) == (0, set())  # nobody knows how relevant anything is
    Query.objects.update(min_relevance=None)
    assert look() == 1


@pytest.mark.parametrize("place", [23, 24])
def test_the_first_page_is_as_long_as_that_of_its_kind(version, notes, ann, place) -> None:
    collection = make_collection("pictures")
    rows = [passage.document for passage in make_documents(collection, 25)]
    (new,) = (passage.document for passage in make_documents(collection, 1))
    images = [picture_of(document, number) for number, document in enumerate([*rows, new])]
    scores = [0.9 - number / 100 for number in range(25)]
    row = saved(version, ann, target="images", collections=["pictures"])
    Document.objects.filter(pk=new.pk).update(created_at=timezone.now())
    vectors = np.stack([at(one) for one in (*scores, 0.9 - (place - 0.5) / 100)])
    vectors_write(version, "image", [image.pk for image in images], vectors)
    look()
    assert found(row) == ({new.pk} if place <= 23 else set())


def test_near_duplicates_take_one_place_of_the_page_where_they_are_shown_as_one(version, notes, ann) -> None:
    plain, collapsed = saved(version, ann), saved(version, ann, plan={"collapsed": True})
    (new,) = add(version, notes, 0.45)
    assert look() == 0
    same = [passage.pk for passage in Passage.objects.order_by("pk")[:3]]
    Passage.objects.filter(pk__in=same).update(text="One and the same.")
    look()
    assert (found(plain), found(collapsed)) == (set(), {new.pk})


def test_a_search_of_several_parts_is_encoded_anew_by_another_model(version, notes, ann, monkeypatch) -> None:
    monkeypatch.setattr(asking, "encoder_of", lambda version: FakeEncoder())
    row = saved(version, ann)
    row.query.parts.update(modality="text", text="0")
    row.query.parts.create(place=1, modality="text", text="1", weight=0.5)
    gone = saved(version, ann)
    gone.query.parts.update(modality="text", text="0")
    gone.query.parts.create(place=1, modality="embedding", embedding=b"")
    (new,) = add(make_version("second", dim=FakeEncoder.dim), notes, 0.9)
    look()
    assert (found(row), found(gone)) == ({new.pk}, set())


def picture_of(document: Document, number: int) -> DocumentImage:
    blob = blob_store(f"picture {number}".encode(), "image/png")
    return DocumentImage.objects.create(document=document, ordinal=0, blob=blob)


def test_new_vectors_ask_the_saved_searches_again_where_anybody_waits(version, notes, ann) -> None:
    find_new_soon()
    assert not Job.objects.exists()
    saved(version, ann)
    for _ in range(2):
        find_new_soon()
    assert list(Job.objects.values_list("type", flat=True)) == ["find_new"]


def test_the_header_counts_and_the_page_shows_what_is_new_until_it_was_opened(
    version, notes, ann, client
) -> None:
    row = saved(version, ann)
    (new,) = add(version, notes, 0.9)
    look()
    client.force_login(ann)
    assert '<span class="count">1' in client.get("/collections/").content.decode()
    assert "1 new" in client.get("/searches/").content.decode()
    client.head(f"/searches/saved/{row.pk}/new/")
    page = client.get(f"/searches/saved/{row.pk}/new/").content.decode()
    assert new.title in page
    assert '<span class="chip fresh">New</span>' in page
    assert findings_unseen(ann) == 0
    assert (
        '<span class="chip fresh">New</span>'
        not in client.get(f"/searches/saved/{row.pk}/new/").content.decode()
    )


def test_nobody_else_sees_or_changes_what_is_new(version, notes, ann, client) -> None:
    row = saved(version, ann)
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(f"/searches/saved/{row.pk}/new/").status_code == 404
    assert client.post(f"/searches/saved/{row.pk}/alerts/", {"alerts": "off"}).status_code == 404
    row.refresh_from_db()
    assert row.alerts == "page"


def test_the_page_offers_mail_only_where_it_can_be_sent(version, notes, ann, client, request) -> None:
    row = saved(version, ann, alerts="off")
    client.force_login(ann)
    assert 'value="mail"' not in client.get("/searches/").content.decode()
    with pytest.raises(AppError) as refused:
        alerts_set(saved=row, alerts="mail")
    assert refused.value.id == "alerts.no_mail"
    request.getfixturevalue("mails")
    assert 'value="mail"' in client.get("/searches/").content.decode()
    client.post(f"/searches/saved/{row.pk}/alerts/", {"alerts": "mail"})
    row.refresh_from_db()
    assert (row.alerts, row.alerts_since is not None) == ("mail", True)
    assert client.post(f"/searches/saved/{row.pk}/alerts/", {"alerts": "often"}).status_code == 400


def send() -> int:
    done = run_job_inline(job_create_once(MAIL_NEW, JobParameters())[0])
    assert done.state == "succeeded", done.error
    return MAIL_NEW.result_of(done).sent or 0


def test_one_message_a_day_names_what_is_new_and_how_to_get_no_more(
    version, notes, ann, mails, client
) -> None:
    row = saved(version, ann, alerts="mail")
    (new,) = add(version, notes, 0.9)
    assert not mail_due()
    look()
    assert mail_due()
    assert send() == 1
    (message,) = mail.outbox
    assert message.to == ["ann@example.org"]
    assert message.subject == "1 new document for your saved searches"
    assert f"https://sightline.example/documents/{new.pk}/" in message.body
    assert f"https://sightline.example/searches/saved/{row.pk}/new/" in message.body
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    add(version, notes, 0.91)
    look()
    assert not mail_due()  # not again today
    assert send() == 0
    SearchFinding.objects.filter(mailed_at__isnull=False).update(mailed_at=timezone.now() - timedelta(days=1))
    assert send() == 1
    assert str(new.title) not in mail.outbox[1].body


def test_mail_never_names_what_its_reader_may_not_see_now_or_has_seen(version, notes, ann, mails) -> None:
    vault = make_collection("vault", visibility="private")
    Membership.objects.create(collection=vault, user=ann, role="reader")
    saved(version, ann, alerts="mail")
    hidden, seen = *add(version, vault, 0.99), *add(version, notes, 0.98)
    look()
    SearchFinding.objects.filter(document=seen).update(seen_at=timezone.now())
    Membership.objects.all().delete()
    assert send() == 0
    assert mail.outbox == []
    assert SearchFinding.objects.get(document=hidden).mailed_at is None


def test_the_link_in_a_message_ends_mail_without_signing_in_and_only_when_asked(
    version, notes, ann, mails
) -> None:
    row = saved(version, ann, alerts="mail")
    add(version, notes, 0.9)
    look()
    send()
    link = re.fullmatch(
        r"<https://sightline\.example(/.*)>", mail.outbox[0].extra_headers["List-Unsubscribe"]
    )[1]
    reader = Client(enforce_csrf_checks=True)
    assert "No more e-mail about" in reader.get(link).content.decode()
    row.refresh_from_db()
    assert row.alerts == "mail"
    assert "You get no more e-mail" in reader.post(link, {"List-Unsubscribe": "One-Click"}).content.decode()
    row.refresh_from_db()
    assert row.alerts == "page"
    for broken in (f"{link[:-3]}x/", "/searches/unsubscribe/1/"):
        assert reader.post(broken).status_code == 404


def test_whoever_cannot_be_reached_keeps_nobody_else_from_their_mail(
    version, notes, ann, mails, monkeypatch
) -> None:
    ben = User.objects.create_user("ben", email="ben@example.org")
    for person in (ann, ben):
        saved(version, person, alerts="mail")
    add(version, notes, 0.9)
    look()
    from django.core.mail import EmailMessage

    plain = EmailMessage.send

    def failing(message, *args, **options):
        if message.to == ["ann@example.org"]:
            raise ConnectionRefusedError("nobody there")
        return plain(message, *args, **options)

    monkeypatch.setattr(EmailMessage, "send", failing)
    assert send() == 1
    assert Job.objects.get(type="mail_new").items.get().error_id == "alerts.not_sent"
    assert SearchFinding.objects.filter(mailed_at=None).get().saved.user == ann


class MailServer:
    """Takes every message."""

    taken: ClassVar[list[list[str]]] = []

    def __init__(self, *_: object, **__: object) -> None: ...

    def sendmail(self, sender: str, recipients: list[str], message: bytes) -> None:
        self.taken.append(recipients)

    def quit(self) -> None: ...


@pytest.mark.parametrize("odd", ["ann@x.org, ann.b@x.org", "ann@x.org;b@x.org", "ann@x.org\nBcc: b@x.org"])
def test_an_address_that_is_none_keeps_nobody_else_from_their_mail(
    version, notes, ann, mails, settings, monkeypatch, odd
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "mail.example", False, False
    monkeypatch.setattr("smtplib.SMTP", MailServer)
    monkeypatch.setattr(MailServer, "taken", [])
    User.objects.filter(pk=ann.pk).update(email=odd)  # as a directory may have told it
    ben = User.objects.create_user("ben", email="ben@example.org")
    for person in (ann, ben):
        saved(version, person, alerts="mail")
    add(version, notes, 0.9)
    look()
    assert send() == 1
    assert MailServer.taken == [["ben@example.org"]]
    assert Job.objects.get(type="mail_new").items.get().error_id == "alerts.not_sent"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            SMTPRecipientsRefused({"ann@example.org": (550, b"no ann@example.org here")}),
            "SMTPRecipientsRefused 550",
        ),
        (SMTPSenderRefused(530, b"not to ann@example.org", "us@example.org"), "SMTPSenderRefused 530"),
        (ConnectionRefusedError(111, "ann@example.org"), "ConnectionRefusedError 111"),
    ],
)
def test_what_is_kept_of_a_failed_message_names_no_address(
    version, notes, ann, mails, monkeypatch, error, said
) -> None:
    saved(version, ann, alerts="mail")
    add(version, notes, 0.9)
    look()

    def refused(*_, **__):
        raise error

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refused)
    assert send() == 0
    kept = Job.objects.get(type="mail_new").items.get()
    assert kept.reason == f"The message could not be handed over: {said}"
