"""Managing models by a permission: all that it opens, by whatever way it was given, and nothing else."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from models_admin import services
from models_admin.hooks import panels_for
from models_admin.job_types import PREPARE, VersionParameters
from retrieval_site.accounts.models import User
from retrieval_site.people import manages_models
from retrieval_site.typed_json import to_json
from search.job_types import EVALUATE, EvaluateParameters
from search.models import Calibration, EvaluationResult, EvaluationSet
from search.relevance.curve import Curve
from search.relevance.evidence import Scale
from search.relevance.fitted import Fitted
from tests.search.api.conftest import error_id, make_version
from workers.jobs.rights import jobs_seen_by, may_go_on, require_permitted
from workers.jobs.services import job_create
from workers.models import Job

MODELS, SETS = "/api/v1/models/", "/api/v1/evaluation-sets/"
FITTED = Fitted(
    similarity="cosine",
    scale=Scale(closeness=0.2, closeness_deviation=0.1, familiarity=0.0, familiarity_deviation=1.0),
    line=-1.0,
    strong=1.0,
    curve=Curve(slope=1.0, intercept=0.0),
    source="pairs",
    queries=10,
    labels=10,
    relevant=5,
    error=0.1,
    familiarity="odds",
)
WAYS = ("permission", "group")
OF_A_SUPERUSER = [
    "search_auditentry", "search_webhook", "search_invitation", "search_recallmeasurement", "accounts_user",
    "auth_group",
]  # fmt: skip


def give(user: User, way: str) -> None:
    permission = Permission.objects.get(content_type__app_label="models_admin", codename="manage_models")
    if way == "permission":
        user.user_permissions.add(permission)
    if way == "group":
        group = Group.objects.create(name="Model managers")
        group.permissions.add(permission)
        user.groups.add(group)


@pytest.fixture(params=WAYS)
def manager(request, world) -> User:
    """Somebody of the staff, member of no collection, who was given the permission."""
    give(world.users["staff"], request.param)
    return User.objects.get(username="staff")


def test_only_an_active_account_with_the_permission_manages_models(world, manager):
    assert manages_models(manager)
    assert not manages_models(world.users["reader"])
    assert not manages_models(None)
    manager.is_active = False
    manager.save()
    assert not manages_models(User.objects.get(pk=manager.pk))


@pytest.fixture
def complete(monkeypatch):
    """Vectors that answer as if nothing were missing, and workers that are warm: neither is under test here."""
    monkeypatch.setattr(services, "check_complete", lambda version: None)
    monkeypatch.setattr(services, "_warm", lambda version: None)


def test_the_api_lets_whoever_manages_models_see_prepare_switch_tag_and_roll_back(world, manager, complete):
    make_version(number=2, note="try", state="valid")
    client = world.client("staff")
    assert client.get(f"{MODELS}small@2/").json()["note"] == "try"
    assert {row["model"] for row in client.get(MODELS).json()["results"]} == {"small@1", "small@2"}
    started = client.post(f"{MODELS}small@2/prepare/")
    assert (started.status_code, started.json()["type"]) == (202, "prepare")
    make_version(number=3)
    assert client.post(f"{MODELS}small@3/activate/", {"reason": "better"}, format="json").status_code == 200
    assert client.post(f"{MODELS}rollback/", {}, format="json").json()["model"] == "small@1"
    assert client.patch(f"{MODELS}small@3/", {"tags": ["x"]}, format="json").json()["tags"] == ["x"]


def test_the_api_refuses_staff_without_the_permission(world):
    make_version(number=2)
    client = world.client("staff")
    refusals = [
        client.post(f"{MODELS}champion/prepare/"),
        client.post(f"{MODELS}champion/activate/", {}, format="json"),
        client.post(f"{MODELS}rollback/", {}, format="json"),
        client.patch(f"{MODELS}champion/", {"tags": ["x"]}, format="json"),
        client.get(SETS),
    ]
    assert [(one.status_code, error_id(one)) for one in refusals] == [(403, "permission.denied")] * 5
    assert client.get(f"{MODELS}small@2/").status_code == 404


PAGES = [
    "admin:models_admin_modelversion_changelist",
    "admin:models_admin_modelversion_add",
    "admin:models_admin_catalogue",
    "admin:models_admin_activation_changelist",
    "admin:search_evaluationset_changelist",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_admins_pages_of_models_open_with_the_permission_alone(world, client, page):
    client.force_login(world.users["staff"])
    assert client.get(reverse(page)).status_code == (404 if page.endswith("_add") else 403)
    give(world.users["staff"], "group")
    assert client.get(reverse(page)).status_code == 200


def test_the_admins_buttons_work_with_the_permission_alone(world, client):
    version = make_version(number=2, state="valid")
    press = reverse("admin:models_admin_modelversion_do", args=[version.pk, "prepare"])
    client.force_login(world.users["staff"])
    assert client.post(press).status_code in (403, 404)
    assert not Job.objects.filter(type="prepare").exists()
    give(world.users["staff"], "permission")
    assert client.post(press).status_code == 302
    assert Job.objects.get(type="prepare").owner == world.users["staff"]


def test_the_start_page_sends_whoever_manages_models_to_the_catalogue(world, client):
    world.version.aliases.all().delete()
    catalogue = reverse("admin:models_admin_catalogue")
    client.force_login(world.users["staff"])
    assert catalogue not in client.get("/").content.decode()
    give(world.users["staff"], "group")
    assert catalogue in client.get("/").content.decode()


@pytest.mark.parametrize("model", OF_A_SUPERUSER)
def test_it_opens_nothing_else_of_a_superuser_in_the_admin(world, manager, client, model):
    client.force_login(manager)
    assert client.get(reverse(f"admin:{model}_changelist")).status_code == 403


def test_it_opens_nothing_else_of_a_superuser_in_the_api(world, manager):
    client = world.client("staff")
    assert error_id(client.get("/api/v1/audit/")) == "permission.denied"
    assert client.get("/api/v1/collections/secret/").status_code == 404
    assert client.get(f"/api/v1/documents/{world.secret_document.pk}/").status_code == 404
    assert client.get(f"/api/v1/jobs/{world.job.pk}/").status_code == 404


def test_jobs_of_models_are_shown_to_whoever_manages_them_and_may_be_resumed(world, manager):
    job = job_create(PREPARE, VersionParameters(version=world.version.pk), owner=world.users["root"])
    assert list(jobs_seen_by(manager)) == [job]
    require_permitted(job, manager)
    assert not jobs_seen_by(world.users["stranger"]).exists()


@pytest.fixture
def sets(world) -> dict[str, EvaluationSet]:
    """One of each kind, of an open and a private collection and of judged searches, each measured once."""
    of = {"open": ("pairs", world.open), "secret": ("pairs", world.secret), "judged": ("judgements", None)}
    made = {}
    for name, (source, collection) in of.items():
        made[name] = EvaluationSet.objects.create(name=name, source=source, collection=collection, size=1)
        EvaluationResult.objects.create(
            evaluation_set=made[name], version=world.version, direction="text → images", queries=1
        )
    return made


def test_evaluation_sets_are_those_of_collections_that_the_manager_sees(world, manager, client, sets):
    api = world.client("staff")
    assert [row["name"] for row in api.get(SETS).json()["results"]] == ["open"]
    for hidden in (sets["secret"], sets["judged"]):
        for address in ("", "queries/", "results/"):
            assert api.get(f"{SETS}{hidden.pk}/{address}").status_code == 404
        assert api.delete(f"{SETS}{hidden.pk}/").status_code == 404
        assert api.post(f"{SETS}{hidden.pk}/measure/").status_code == 404
    assert world.client("root").get(f"{SETS}{sets['judged'].pk}/").status_code == 200
    client.force_login(manager)
    changelist = reverse("admin:search_evaluationset_changelist")
    assert client.get(changelist).context["cl"].result_count == 1
    shown = client.get(reverse("admin:search_evaluationset_change", args=[sets["secret"].pk]))
    assert shown.status_code == 302


def test_a_set_is_made_of_no_collection_that_is_hidden_and_of_nobodys_searches(world, manager, client):
    api = world.client("staff")
    of_secret = {"name": "a", "source": "pairs", "collection": "secret"}
    assert error_id(api.post(SETS, of_secret, format="json")) == "collection.not_found"
    of_judged = {"name": "b", "source": "judgements"}
    assert error_id(api.post(SETS, of_judged, format="json")) == "permission.denied"
    client.force_login(manager)
    page = client.get(reverse("admin:search_evaluationset_add")).content.decode()
    assert ('value="open"' in page, 'value="secret"' in page) == (True, False)
    assert not EvaluationSet.objects.exists()


def test_a_job_measures_by_a_set_that_its_owner_sees(world, manager, sets):
    def permitted(name: str, user: User) -> bool:
        parameters = EvaluateParameters(evaluation_set=sets[name].pk, version=world.version.pk)
        return may_go_on(job_create(EVALUATE, parameters, owner=user), user)

    assert [permitted(name, manager) for name in sets] == [True, False, False]
    assert [permitted(name, world.users["root"]) for name in sets] == [True, True, True]
    assert not permitted("open", world.users["reader"])


def test_a_versions_page_names_no_hidden_collection_and_no_hidden_set(world, manager, sets):
    for collection in (None, world.open, world.secret):
        Calibration.objects.create(
            version=world.version,
            modality="text",
            kind="passage",
            collection=collection,
            values=to_json(FITTED),
        )

    def words(user: User) -> set[str]:
        panels = panels_for(world.version, user)
        named = {str(cell) for panel in panels for row in panel.rows for cell in row}
        return named & {"open", "secret", "judged"}

    assert words(manager) == {"open"}
    assert words(world.users["root"]) == {"open", "secret", "judged"}
    shown = world.client("staff").get(f"{MODELS}champion/").json()["calibrations"]
    assert {row["collection"] for row in shown} == {None, "open"}
    (listed,) = world.client("staff").get(MODELS).json()["results"]
    assert {row["collection"] for row in listed["calibrations"]} == {None, "open"}
