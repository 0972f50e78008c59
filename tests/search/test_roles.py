"""What a role allows, whoever has it: a user, or a group of theirs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.exports import exportable_by
from search.judging.queues import queue_delete, queue_for
from search.models import AuditEntry, Collection, Document, Judgement, JudgingQueue, Membership
from search.services.judgements import judgement_set
from search.services.members import member_remove, member_set, members_of, members_replace
from tests.support.corpus import make_collection
from tests.support.queries import make_query

pytestmark = pytest.mark.django_db
ROLES = {  # what each allows: reading, judging queues, curating
    None: (False, False, False),
    "reader": (True, False, False),
    "judge": (True, True, False),
    "curator": (True, True, True),
}


@pytest.fixture
def vault() -> Collection:
    return make_collection("vault", visibility="private")


@pytest.fixture
def anna() -> User:
    anna = User.objects.create_user("anna")
    anna.groups.add(*(Group.objects.create(name=name) for name in ("crew", "board")))
    return anna


def allowed(person: User) -> tuple[bool, ...]:
    rows = Collection.objects
    return tuple(
        found.filter(slug="vault").exists()
        for found in (rows.visible_to(person), rows.judged_for(person), rows.curated_by(person))
    )


@pytest.mark.parametrize("own", ROLES)
@pytest.mark.parametrize("crew", ROLES)
def test_the_highest_of_ones_own_role_and_those_of_groups_counts(vault, anna, own, crew):
    member_set(collection=vault, role="reader", name="board", group=True) if crew else None
    if own:
        member_set(collection=vault, role=own, name="anna")
    if crew:
        member_set(collection=vault, role=crew, name="crew", group=True)
    highest = max(own, crew, key=list(ROLES).index)
    assert allowed(anna) == ROLES[highest]
    assert [row.role for row in Collection.objects.visible_to(anna).described_for(anna)] == [highest] * bool(
        highest
    )
    assert allowed(User.objects.create_user("bert")) == ROLES[None]


def test_nobody_has_a_role_by_a_group_that_they_left(vault, anna):
    member_set(collection=vault, role="curator", name="crew", group=True)
    anna.groups.clear()
    assert allowed(anna) == ROLES[None]


def test_rights_are_read_in_the_statement_that_needs_them(vault, anna):
    member_set(collection=vault, role="curator", name="crew", group=True)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        list(Collection.objects.visible_to(anna).described_for(anna))
        list(Document.objects.curated_by(anna))
    assert len(queries) == 2


def test_a_role_is_of_one_user_or_one_group(vault, anna):
    crew = Group.objects.get(name="crew")
    for holders in ({}, {"user": anna, "group": crew}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(collection=vault, **holders)
    assert [row.role for row in Collection.objects.filter(pk=vault.pk).described_for(AnonymousUser())] == [
        None
    ]


def test_every_change_is_noted_and_what_does_not_exist_changes_nothing(vault, anna):
    members_replace(collection=vault, role="reader", names=["anna"])
    members_replace(collection=vault, role="judge", names=["crew"], groups=True)
    member_set(collection=vault, role="judge", name="anna")
    for refused in ({"name": "anna", "group": True}, {"name": "crew"}):
        with pytest.raises(AppError, match=r"group\.not_found|user\.not_found"):
            member_set(collection=vault, role="curator", **refused)
    with pytest.raises(AppError, match=r"parameter\.invalid"):
        member_set(collection=vault, role="owner", name="anna")
    members_replace(collection=vault, role="judge", names=[])  # of users: groups stay
    assert members_of(vault) == {role: [] for role in members_of(vault)} | {"judge_group": ["crew"]}
    member_remove(collection=vault, member=Membership.objects.get().pk)
    details = (
        AuditEntry.objects.filter(action="members.changed").order_by("pk").values_list("detail", flat=True)
    )
    people = {"anna": anna.pk}
    assert list(details) == [
        {"reader_added": ["anna"], "people": people},
        {"judge_group_added": ["crew"]},
        {"reader_removed": ["anna"], "judge_added": ["anna"], "people": people},
        {"judge_removed": ["anna"], "people": people},
        {"judge_group_removed": ["crew"]},
    ]


def test_who_judges_queues_neither_deletes_them_nor_takes_judgements_away(vault, anna):
    member_set(collection=vault, role="judge", name="crew", group=True)
    queue = JudgingQueue.objects.create(name="Pumps", collection=vault, source="file")
    document = Document.objects.create(collection=vault, external_id="1", title="Pump")
    query = make_query(modality="text", text="pump", answer=[{"document": document.pk, "score": 1.0}])
    judgement_set(query_id=query.pk, document_id=document.pk, viewer=anna, session="", grade=3)
    with pytest.raises(AppError, match=r"permission\.denied"):
        queue_delete(queue=queue_for(queue.pk, anna))
    assert not exportable_by(anna).exists()
    member_set(collection=vault, role="curator", name="crew", group=True)
    assert exportable_by(anna).get() == Judgement.objects.get()
    queue_delete(queue=queue_for(queue.pk, anna))
    assert not JudgingQueue.objects.exists()
