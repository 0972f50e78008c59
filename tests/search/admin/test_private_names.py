"""Staff who curate one collection learn nothing of private ones, on any page of the admin.

The pages are read from the urlconf, so that a new one is looked at without being named here.
"""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse

from retrieval_site.accounts.models import User
from search.models import ApiToken, Collection, Document, Judgement, Membership
from search.services.tokens import token_create
from tests.support.corpus import make_collection, make_version
from tests.support.queries import make_query
from workers.models import Job, JobItem

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("error::django.core.paginator.UnorderedObjectListWarning"),
]
SECRET = "zebrafish"
MODELS = (
    "document",
    "collection",
    "judgement",
    "query",
    "apitoken",
    "membership",
    "passage",
    "documentimage",
)


@pytest.fixture
def secret() -> Collection:
    """A private collection with a document, a member, a judgement and a search, all named after it."""
    made = Collection.objects.create(slug=SECRET, name=SECRET.title(), visibility="private")
    insider = User.objects.create_user("insider", is_staff=True)
    Membership.objects.create(collection=made, user=insider, role="curator")
    document = Document.objects.create(collection=made, external_id=SECRET, title=SECRET, tags=[SECRET])
    query = make_query(
        modality="text", text=SECRET, collections=[SECRET], version=make_version(), user=insider,
        answer=[{"document": document.pk, "passage": None, "image": None, "score": 1.0}],
    )  # fmt: skip
    Judgement.objects.create(query=query, document=document, user=insider, grade=3, comment=SECRET)
    params = {"filename": SECRET, "collection": made.pk}
    job = Job.objects.create(type="import", state="failed", owner=insider, params=params, error=SECRET)
    Document.objects.create(collection=made, external_id=f"{SECRET}-2", title=SECRET, import_job=job)
    JobItem.objects.create(job=job, key=SECRET, error_id="import.bad", reason=SECRET)
    token_create(user=insider, name=SECRET, scopes=["read"])
    return made


def curator() -> User:
    user = User.objects.create_user("curator", is_staff=True)
    own = make_collection("own")
    Membership.objects.create(collection=own, user=user, role="curator")
    Document.objects.create(collection=own, external_id="mine", title="Mine")
    return user


def staff_with(*codenames: str) -> User:
    user = User.objects.create_user("-".join(codenames)[:100] or "staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def everybody() -> list[User]:
    """A curator of another collection; staff with no permission, with some single ones, and with all at once."""
    every = Permission.objects.values_list("codename", flat=True)
    return [curator(), staff_with(), staff_with("view_document"), staff_with("view_user"), staff_with(*every)]


def rows_of(model: Any) -> list[Any]:
    return list(model._default_manager.all()[:5])


def addresses() -> list[str]:
    """Every page of the admin: lists with each of their filters, forms, histories, deletions, autocompletion."""
    found = [reverse("admin:index"), reverse("admin:password_change")]
    for model, page in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found += [
            reverse(f"{name}_changelist"),
            f"{reverse(f'{name}_changelist')}?q={SECRET[:5]}&_facets=True",
        ]
        found += [reverse(f"{name}_add")] if page else []
        for row, kind in itertools.product(rows_of(model), ("change", "history", "delete")):
            found.append(reverse(f"{name}_{kind}", args=[row.pk]))
    for model, field in [
        ("document", "collection"), ("judgement", "document"), ("judgement", "query"), ("apitoken", "user"),
        ("membership", "collection"), ("query", "document"),
    ]:  # fmt: skip
        given = f"app_label=search&model_name={model}&field_name={field}&term={SECRET[:3]}"
        found.append(f"{reverse('admin:autocomplete')}?{given}")
    for job in Job.objects.all():
        found += [reverse(f"admin:workers_job_{page}", args=[job.pk]) for page in ("panel", "undo")]
        found.append(f"{reverse('admin:search_document_changelist')}?import={job.pk}&_facets=True")
    for collection in Collection.objects.all():
        found.append(reverse("admin:search_collection_import", args=[collection.pk]))
        found.append(f"{reverse('admin:search_document_changelist')}?collection__id__exact={collection.pk}")
        found.append(
            f"{reverse('admin:search_judgement_changelist')}?document__collection__id__exact={collection.pk}"
        )
    return found


def test_no_page_of_the_admin_names_a_private_collection_to_staff_outside_it(client, secret):
    told = []
    for user in everybody():
        client.force_login(user)
        for address in addresses():
            text = client.get(address, follow=True).content.decode()
            told += [(user.username, address)] if SECRET in text.casefold() else []
    assert not told, "\n".join(map(str, told))


def test_members_and_superusers_do_see_it(client, secret):
    for user in (User.objects.get(username="insider"), User.objects.create_superuser("chief")):
        client.force_login(user)
        shown = client.get(reverse("admin:search_document_changelist")).content.decode().casefold()
        assert shown.count(SECRET) > 1


def test_the_collections_filter_offers_what_one_curates(client, secret):
    client.force_login(curator())
    other = Document.objects.create(collection=make_collection("second"), external_id="x")
    Membership.objects.create(
        collection=other.collection, user=User.objects.get(username="curator"), role="curator"
    )
    shown = client.get(reverse("admin:search_document_changelist")).content.decode()
    assert f"collection__id__exact={other.collection_id}" in shown
    assert f"collection__id__exact={secret.pk}" not in shown


def test_recent_actions_forget_what_one_may_no_longer_see(client, secret):
    user = curator()
    own = Collection.objects.get(slug="own")
    for collection, flag in ((secret, ADDITION), (own, CHANGE)):
        LogEntry.objects.create(
            user=user, content_type=ContentType.objects.get_for_model(Collection), object_id=str(collection.pk),
            object_repr=str(collection), action_flag=flag, change_message="[]",
        )  # fmt: skip
    client.force_login(user)
    page = client.get(reverse("admin:index")).content.decode()
    listed = page[page.index("recent-actions-module") :]
    assert own.name in listed
    assert secret.name not in listed


def test_deleting_a_person_counts_what_goes_with_them_without_naming_it(client, secret):
    client.force_login(staff_with("delete_user", "view_user", "change_user"))
    insider = User.objects.get(username="insider")
    page = client.get(reverse("admin:accounts_user_delete", args=[insider.pk])).content.decode()
    assert SECRET not in page.casefold()
    assert "Memberships: 1" in page or "memberships: 1" in page.casefold()
    client.post(reverse("admin:accounts_user_delete", args=[insider.pk]), {"post": "yes"})
    assert not User.objects.filter(pk=insider.pk).exists()
    assert not ApiToken.objects.filter(name=SECRET).exists()


def test_who_may_change_people_cannot_become_or_change_a_superuser(client):
    chief, helper = (
        User.objects.create_superuser("chief", password="x"),
        staff_with("change_user", "view_user"),
    )
    client.force_login(helper)
    own = reverse("admin:accounts_user_change", args=[helper.pk])
    client.post(own, {"username": helper.username, "is_superuser": "on", "is_staff": "on", "is_active": "on"})
    assert not User.objects.get(pk=helper.pk).is_superuser
    password = reverse("admin:auth_user_password_change", args=[chief.pk])
    assert client.get(password).status_code == 403


def test_who_may_change_groups_gives_nobody_rights_by_them(client):
    helper = staff_with("add_group", "change_group", "view_group", "delete_group")
    archive = Group.objects.create(name="Archive")
    helper.groups.add(archive)
    client.force_login(helper)
    right = Permission.objects.get(codename="change_user")
    given = {"name": "Interns", "permissions": [right.pk], "_save": "1"}
    page = reverse("admin:auth_group_change", args=[archive.pk])
    assert client.get(page).status_code == 200  # looks at it
    assert client.post(page, given).status_code == 403
    assert client.post(reverse("admin:auth_group_add"), given).status_code == 403
    assert [(group.name, group.permissions.count()) for group in Group.objects.all()] == [("Archive", 0)]
    client.force_login(User.objects.create_superuser("chief"))
    client.post(page, given)
    assert [(group.name, group.permissions.get()) for group in Group.objects.all()] == [("Interns", right)]


def test_a_job_of_somebody_else_is_not_there(client, secret):
    client.force_login(curator())
    job = Job.objects.get(type="import")
    for kind in ("change", "panel"):
        assert client.get(reverse(f"admin:workers_job_{kind}", args=[job.pk])).status_code in (302, 404)
    assert (
        client.post(reverse("admin:search_collection_import_checked", args=[uuid.uuid4()])).status_code == 404
    )
