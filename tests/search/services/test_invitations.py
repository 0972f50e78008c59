"""Invitations by e-mail: who gets what by them, and by which links nobody gets anything."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from retrieval_site.accounts.models import User
from retrieval_site.errors import AppError
from search.models import AuditEntry, Collection, Invitation, Membership
from search.services import invitations
from search.services.invitations import Invited, account_exists, invitation_create, invitation_send_again
from search.services.record_ages import records_due
from search.views import invitations as views
from tests.support.at_once import at_once, meet_in
from tests.support.corpus import make_collection
from tests.support.pages import shown_page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_redis")]
MEMBERS = "/curate/in/vault/members/"
GOOD = "a brand new pass phrase"
BEN = "ben@x.example"


@pytest.fixture(autouse=True)
def _mail(settings) -> None:
    settings.CONFIG = replace(
        settings.CONFIG, email_host="mail.example", site_url="https://find.example", site_name="Finder"
    )


@pytest.fixture
def vault():
    return make_collection("vault", visibility="private")


@pytest.fixture
def ann(vault) -> User:
    """A curator of the vault."""
    user = User.objects.create_user("ann", email="ann@x.example")
    Membership.objects.create(collection=vault, user=user, role="curator")
    return user


@pytest.fixture
def chief() -> User:
    return User.objects.create_superuser("chief", password="x")


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def invite(vault, by: User, email: str = BEN, role: str = "judge", **more) -> str:
    """Return the link of a new invitation."""
    invitation_create(invited=Invited(email, "en", {vault: role} if vault else {}, **more), by=by)
    return link()


def slowly(real):
    """Let whoever comes next come while the answer of `real` is still being thought about."""

    def slow(*args):
        found = real(*args)
        time.sleep(0.5)
        return found

    return slow


def link() -> str:
    """Return the address of the link in the last message; its key is where the access log has nothing."""
    found = re.search(r"https://find\.example(/invitation/link/\?key=\S+)", mail.outbox[-1].body)
    assert found
    return found[1]


def opened(address: str, client: Client | None = None) -> tuple[Client, str]:
    client = client or Client()
    return client, shown_page(client.get(address, follow=True))


def join(client: Client, name: str = "ben"):
    return client.post("/invitation/", {"username": name, "password1": GOOD, "password2": GOOD})


def test_a_curator_invites_and_who_comes_has_an_account_and_the_role(vault, ann):
    page = as_user(ann).post(
        MEMBERS, {"do": "invite", "email": BEN, "role": "judge", "language": "de"}, follow=True
    )
    assert BEN in shown_page(page)
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([BEN], "Sie sind eingeladen: Finder")
    visitor, shown = opened(link())
    assert "Vault" in shown
    weak = visitor.post("/invitation/", {"username": "ben", "password1": BEN, "password2": BEN})
    assert (weak.status_code, User.objects.filter(username="ben").exists()) == (200, False)
    answer = join(visitor)
    assert (answer.status_code, answer["Location"]) == (302, "/collections/vault/")
    ben = User.objects.get(username="ben")
    assert (ben.email, ben.is_staff, visitor.session["_auth_user_id"]) == (BEN, False, str(ben.pk))
    assert Membership.objects.get(user=ben).role == "judge"
    assert visitor.get("/collections/vault/").status_code == 200
    noted = AuditEntry.objects.filter(action__startswith="invitation.").order_by("pk")
    assert [(entry.action, entry.actor) for entry in noted] == [
        ("invitation.created", "ann"),
        ("invitation.accepted", "ben"),
    ]


def test_an_administrator_invites_to_groups_and_an_account_of_the_address_takes_it(vault, chief):
    team = Group.objects.create(name="Archive")
    as_user(chief).post(
        "/admin/search/invitation/add/",
        {"email": BEN, "language": "en", "collections": [vault.pk], "role": "judge", "groups": [team.pk]},
    )
    ben = User.objects.create_user("ben", email="Ben@X.example", password=GOOD)
    Membership.objects.create(collection=vault, user=ben, role="curator")
    visitor, shown = opened(link())
    assert "You have an account" in shown
    assert join(visitor, "other").status_code == 409  # no second account with the address
    visitor.post("/login/", {"username": "ben", "password": GOOD})
    assert "Take it as ben" in shown_page(visitor.get("/invitation/"))
    assert visitor.post("/invitation/").status_code == 302
    assert list(ben.groups.all()) == [team]
    assert Membership.objects.get(user=ben).role == "curator"  # nobody is made less by an invitation


@pytest.mark.parametrize(
    "end", ["used", "withdrawn", "over", "sent again", "no right", "not whole", "forged"]
)
def test_a_link_that_holds_no_more_opens_nothing(vault, ann, end):
    address = invite(vault, ann)
    row = Invitation.objects.get()
    holding, _ = opened(address)
    match end:
        case "used":
            join(opened(address)[0], "first")
        case "withdrawn":
            as_user(ann).post(MEMBERS, {"do": "withdraw", "invitation": row.pk})
            assert AuditEntry.objects.filter(action="invitation.withdrawn", target_name=BEN).exists()
        case "over":
            Invitation.objects.update(ends_at=timezone.now())
        case "sent again":
            as_user(ann).post(MEMBERS, {"do": "send-again", "invitation": row.pk})
            assert opened(link())[1].count("Vault")
        case "no right":
            Membership.objects.filter(user=ann).update(role="judge")
        case "not whole":
            address, holding = address[:-4], Client()
        case "forged":
            address, holding = f"/invitation/link/?key={'9' * 30}-x", Client()
    people = User.objects.count()
    assert Client().get(address, follow=True).status_code == 404
    assert join(holding, "second").status_code == 404
    assert User.objects.count() == people


def test_an_account_of_another_address_does_not_take_it(vault, ann):
    eve = User.objects.create_user("eve", email="eve@x.example")
    client, shown = opened(invite(vault, ann), as_user(eve))
    assert "another e-mail address" in shown
    assert client.post("/invitation/").status_code == 403
    assert not Membership.objects.filter(user=eve).exists()
    assert Invitation.objects.exists()


def test_what_was_taken_meanwhile_is_not_withdrawn(vault, ann):
    address = invite(vault, ann)
    row = Invitation.objects.get()
    join(opened(address)[0])
    with pytest.raises(AppError, match=r"invitation\.not_found"):
        invitations.invitation_withdraw(invitation=row)
    assert not AuditEntry.objects.filter(action="invitation.withdrawn").exists()


def test_whether_an_address_has_an_account_is_not_told_to_who_invites(vault, ann):
    User.objects.create_user("ben", email=BEN)
    pages = [
        as_user(ann).post(MEMBERS, {"do": "invite", "email": email, "role": "judge", "language": "en"})
        for email in (BEN, "nobody@x.example")
    ]
    assert [(page.status_code, page["Location"]) for page in pages] == [(302, MEMBERS)] * 2
    assert len(mail.outbox) == 2


def test_without_the_mail_server_nothing_is_half_done(vault, ann, monkeypatch):
    address = invite(vault, ann)

    def down(self, messages):
        raise ConnectionRefusedError("no server")

    monkeypatch.setattr(EmailBackend, "send_messages", down)
    before = Invitation.objects.values("digest", "ends_at", "sent_at").get()
    for do in ({"do": "invite", "email": "c@x.example", "role": "judge", "language": "en"},
               {"do": "send-again", "invitation": Invitation.objects.get().pk}):  # fmt: skip
        page = as_user(ann).post(MEMBERS, do)
        assert (page.status_code, "did not take the message" in shown_page(page)) == (503, True)
    assert Invitation.objects.values("digest", "ends_at", "sent_at").get() == before
    assert not AuditEntry.objects.filter(target_name="c@x.example").exists()
    assert join(opened(address)[0]).status_code == 302  # the earlier link goes on


def test_who_may_invite_whom_to_what(vault, ann, chief):
    crypt = make_collection("crypt", visibility="private")
    team = Group.objects.create(name="Archive")
    for wanted in (Invited(BEN, "en", {crypt: "reader"}), Invited(BEN, "en", {}),
                   Invited(BEN, "en", {vault: "reader"}, [team])):  # fmt: skip
        with pytest.raises(AppError, match=r"permission\.denied"):
            invitation_create(invited=wanted, by=ann)
    for wanted in (
        Invited("no address", "en", {vault: "reader"}),
        Invited(BEN, "xx", {vault: "reader"}),
        Invited(BEN, "en", {vault: "owner"}),
        Invited("a@b.example\nBcc: c@d.example", "en", {}),
        Invited('"a\x0b"@b.example', "en", {}),
    ):
        with pytest.raises(AppError, match=r"parameter\.invalid"):
            invitation_create(invited=wanted, by=chief)
    invite(None, chief)
    invitation_create(invited=Invited(BEN, "en", {vault: "reader", crypt: "reader"}), by=chief)
    with pytest.raises(AppError, match=r"invitation\.pending"):
        invite(vault, ann)
    both = Invitation.objects.latest("pk")
    for do in ("withdraw", "send-again"):  # what also opens another collection is not the curator's
        as_user(ann).post(MEMBERS, {"do": do, "invitation": both.pk})
    with pytest.raises(AppError, match=r"permission\.denied"):
        invitation_send_again(invitation=both, by=ann)
    assert Invitation.objects.filter(pk=both.pk, digest=both.digest).exists()
    assert Client().get("/admin/search/invitation/add/").status_code == 302
    User.objects.filter(pk=ann.pk).update(is_staff=True)
    assert as_user(ann).get("/admin/search/invitation/add/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_two_invitations_of_one_address_make_one_account_when_both_are_taken_at_once(chief, monkeypatch):
    holding = []
    for slug in ("vault", "crypt"):
        holding.append(opened(invite(make_collection(slug, visibility="private"), chief))[0])
    meet_in(monkeypatch, views, "invitation_join")
    monkeypatch.setattr(invitations, "account_exists", slowly(account_exists))
    answers = at_once(
        *(partial(join, client, name) for client, name in zip(holding, ("ben", "benno"), strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [302, 409]
    ben = User.objects.get(email=BEN)
    assert Membership.objects.filter(user=ben).count() == 1
    assert Invitation.objects.count() == 1  # taken with the account that there is now


@pytest.mark.django_db(transaction=True)
def test_a_collection_is_not_held_while_the_mail_server_is_waited_for(vault, ann, monkeypatch):
    renamed = []

    def slow(self, messages):
        renamed.extend(at_once(partial(Collection.objects.filter(pk=vault.pk).update, name="Safe")))
        return len(messages)

    monkeypatch.setattr(EmailBackend, "send_messages", slow)
    invitation_create(invited=Invited(BEN, "en", {vault: "judge"}), by=ann)
    assert renamed == [1]
    vault.refresh_from_db()
    assert (vault.name, Invitation.objects.count()) == ("Safe", 1)


def test_one_that_has_ended_keeps_nobody_from_being_invited_again(vault, ann, chief):
    crypt = make_collection("crypt", visibility="private")
    invitation_create(invited=Invited(BEN, "en", {vault: "reader", crypt: "reader"}), by=chief)
    Invitation.objects.update(ends_at=timezone.now())
    assert join(opened(invite(vault, ann))[0]).status_code == 302


def test_messages_to_one_mailbox_are_few(vault, ann, monkeypatch):
    invite(vault, ann)
    for _ in range(invitations.INVITES_MAILBOX.limit - 1):
        invitation_send_again(invitation=Invitation.objects.get(), by=ann)
    with pytest.raises(AppError, match=r"throttle\.exceeded"):
        invitation_send_again(invitation=Invitation.objects.get(), by=ann)
    monkeypatch.setattr(invitations, "PENDING_MAX", 1)
    with pytest.raises(AppError, match=r"invitation\.too_many"):
        invite(vault, ann, "c@x.example")


def test_an_invitation_that_nobody_took_is_forgotten_in_the_end(vault, ann):
    invite(vault, ann)
    assert not records_due()
    Invitation.objects.update(ends_at=timezone.now() - timedelta(days=invitations.KEPT_DAYS + 1))
    assert records_due()
    assert invitations.invitations_to_end().delete()[0]
