"""The registry's pages: upload, what is offered when, and what a refused bundle says."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from models_admin import services
from models_admin.models import Alias, ModelVersion
from models_admin.offers import offered_actions
from retrieval_site.accounts.models import User
from tests.support.pages import shown_page
from tests.support.tiny_bundle import make_tiny_bundle
from workers.models import Job
from workers.storage.blobs import blob_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def version():
    return ModelVersion.objects.create(name="tiny", number=1, bundle=blob_store(b"zip", "application/zip"))


def test_an_uploaded_bundle_becomes_a_version_whose_validation_is_queued(client, root, tmp_path):
    bundle = make_tiny_bundle(tmp_path / "tiny.zip")
    form = {"bundle": SimpleUploadedFile("tiny.zip", bundle.read_bytes()), "note": "try it"}
    answer = client.post(reverse("admin:models_admin_modelversion_add"), form)
    version = ModelVersion.objects.get()
    assert answer.headers["Location"] == reverse("admin:models_admin_modelversion_change", args=[version.pk])
    assert version.note == "try it"
    assert Job.objects.get().params == {"version": version.pk}
    page = shown_page(client.get(answer.headers["Location"]))
    assert "validate" in page
    assert "data-poll-again" in page


def test_a_file_that_is_no_bundle_is_refused_on_the_spot(client, root):
    form = {"bundle": SimpleUploadedFile("x.zip", b"not a zip")}
    answer = client.post(reverse("admin:models_admin_modelversion_add"), form, follow=True)
    assert "bundle.not_a_zip" in shown_page(answer)
    assert not ModelVersion.objects.exists()


def test_a_refused_version_shows_its_reason_and_its_note_and_can_be_deleted(client, root, version):
    ModelVersion.objects.update(
        state="refused", error_id="bundle.output_not_finite", error="The vectors are not finite.", note="why"
    )
    page = shown_page(client.get(reverse("admin:models_admin_modelversion_change", args=[version.pk])))
    assert "The vectors are not finite." in page
    assert ">why</p>" in page
    version.refresh_from_db()
    assert [action for action, *_ in offered_actions(version)] == ["delete"]


def confirmed(client, version, action):
    """Press the button of the version's page, read what is lost, press the button there."""
    page = shown_page(client.get(reverse("admin:models_admin_modelversion_change", args=[version.pk])))
    link = reverse("admin:models_admin_modelversion_confirm", args=[version.pk, action])
    assert f'href="{link}"' in page
    said = shown_page(client.get(link))
    done = reverse("admin:models_admin_modelversion_do", args=[version.pk, action])
    assert f'action="{done}"' in said
    return said, shown_page(client.post(done, follow=True))


def test_deleting_a_refused_version_says_first_what_is_lost(client, root, version):
    ModelVersion.objects.update(
        state="refused", error_id="bundle.damaged", error="It is damaged.", note="why"
    )
    said, page = confirmed(client, version, "delete")
    for words in ("Its note goes with it.", "bundle.damaged", "Its bundle (3", "no vectors, no judgements"):
        assert words in said
    assert "tiny@1 is deleted." in page
    assert not ModelVersion.objects.exists()


def test_retiring_a_former_champion_says_first_that_nothing_can_be_rolled_back_to(client, root, version):
    ModelVersion.objects.update(state="ready", manifest={"modalities": ["text"]}, dim=4)
    now = ModelVersion.objects.create(name="next", number=1, bundle=version.bundle, state="ready")
    alias = Alias.objects.create(name="champion", version=now, previous=version)
    said, page = confirmed(client, version, "retire")
    assert "next@1 cannot be rolled back to it any more." in said
    assert "Judgements, kept searches and its bundle stay" in said
    assert "tiny@1 is retired" in page
    version.refresh_from_db()
    alias.refresh_from_db()
    assert (version.state, alias.previous) == ("retired", None)


@pytest.mark.parametrize(
    ("action", "refusal"), [("retire", "version.in_use"), ("delete", "version.wrong_state")]
)
def test_a_typed_address_says_at_once_that_the_champion_cannot_be_retired_or_deleted(
    client, root, version, action, refusal
):
    ModelVersion.objects.update(state="ready")
    Alias.objects.create(name="champion", version=version)
    link = reverse("admin:models_admin_modelversion_confirm", args=[version.pk, action])
    answer = client.get(link, follow=True)
    assert answer.redirect_chain == [
        (reverse("admin:models_admin_modelversion_change", args=[version.pk]), 302)
    ]
    assert refusal in shown_page(answer)


@pytest.mark.parametrize("state", ["valid", "preparing", "ready", "retired", "validating"])
def test_a_version_that_passed_or_is_at_work_is_not_deleted(client, root, version, state):
    ModelVersion.objects.update(state=state)
    url = reverse("admin:models_admin_modelversion_do", args=[version.pk, "delete"])
    assert "version.wrong_state" in shown_page(client.post(url, follow=True))
    assert ModelVersion.objects.exists()


def test_a_version_whose_validation_waits_is_not_deleted_and_offers_nothing(client, root, version):
    services.version_validate(version=version)
    assert offered_actions(version) == []
    url = reverse("admin:models_admin_modelversion_do", args=[version.pk, "delete"])
    assert "version.busy" in shown_page(client.post(url, follow=True))


@pytest.mark.parametrize("error_id", ["job.memory", "job.lost", "bundle.needs_torch", "bundle.not_isolated"])
def test_a_version_that_was_not_refused_for_what_it_holds_can_be_validated_again(
    client, root, version, error_id
):
    job = services.version_validate(version=version)
    Job.objects.update(state="failed")
    ModelVersion.objects.update(state="refused", error_id=error_id, error="Not its fault.")
    version.refresh_from_db()
    assert [action for action, *_ in offered_actions(version)] == ["validate", "delete"]
    client.post(reverse("admin:models_admin_modelversion_do", args=[version.pk, "validate"]))
    job.refresh_from_db()
    assert job.state == "queued"


def test_the_note_of_an_upload_that_is_refused_at_once_stays_in_the_form(client, root):
    form = {"bundle": SimpleUploadedFile("x.zip", b"not a zip"), "note": "from the lab, see ticket 7"}
    page = shown_page(client.post(reverse("admin:models_admin_modelversion_add"), form))
    assert "bundle.not_a_zip" in page
    assert "from the lab, see ticket 7</textarea>" in page


def test_the_same_file_with_another_note_keeps_both(client, root, tmp_path):
    bundle = make_tiny_bundle(tmp_path / "tiny.zip").read_bytes()
    for note in ("first", "second", "first", ""):
        form = {"bundle": SimpleUploadedFile("tiny.zip", bundle), "note": note}
        client.post(reverse("admin:models_admin_modelversion_add"), form)
    assert ModelVersion.objects.get().note == "first\nsecond"


def test_a_version_that_is_set_aside_says_when_and_how_it_died_and_can_be_tried_again(client, root, version):
    ModelVersion.objects.update(
        state="set_aside",
        error="Its process ended twice.",
        deaths=[{"at": "2026-11-28T14:09:37+00:00", "reason": "SIGSEGV"}],
    )
    page = shown_page(client.get(reverse("admin:models_admin_modelversion_change", args=[version.pk])))
    assert "2026-11-28 14:09 (SIGSEGV)" in page
    assert ">set aside</span>" in page
    version.refresh_from_db()
    assert [action for action, *_ in offered_actions(version)] == ["prepare"]
    link = reverse("admin:models_admin_modelversion_change", args=[version.pk])
    assert f'<a href="{link}">tiny@1</a> is set aside: Its process ended twice.' in shown_page(
        client.get(reverse("admin:index"))
    )


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("valid", ["prepare", "index-ternary", "index-binary", "index-exact"]),
        (
            "ready",
            [
                "activate",
                "challenge",
                "prepare",
                "measure",
                "learn",
                "index-ternary",
                "index-binary",
                "index-exact",
                "retire",
            ],
        ),
        ("retired", ["prepare", "index-ternary", "index-binary", "index-exact"]),
        ("preparing", []),
    ],
)
def test_a_version_offers_what_its_state_allows(version, state, actions):
    version.state = state
    assert [action for action, *_ in offered_actions(version)] == actions


def test_the_index_that_is_chosen_and_codes_of_order_vectors_are_not_offered(version):
    version.state, version.similarity, version.vector_index = "ready", "order", "exact"
    offered = [action for action, *_ in offered_actions(version)]
    assert [action for action in offered if action.startswith("index-")] == ["index-hnsw"]


def test_an_index_is_chosen_by_a_button_that_prepares(client, root, version):
    ModelVersion.objects.update(state="ready")
    client.post(reverse("admin:models_admin_modelversion_do", args=[version.pk, "index-binary"]))
    version.refresh_from_db()
    assert version.vector_index == "binary"
    assert Job.objects.get(type="prepare").params == {"version": version.pk}


def test_the_champion_offers_to_roll_back_and_other_indexes(version):
    version.state = "ready"
    before = ModelVersion.objects.create(name="old", number=1, bundle=version.bundle, state="ready")
    Alias.objects.create(name="champion", version=version, previous=before)
    first, *others = offered_actions(version)
    assert first == ("rollback", "Roll back to old@1", "danger")
    assert [action for action, *_ in others] == [
        "measure",
        "learn",
        "index-ternary",
        "index-binary",
        "index-exact",
    ]


def test_prepare_starts_one_job_however_often_it_is_clicked(client, root, version):
    ModelVersion.objects.update(state="valid")
    url = reverse("admin:models_admin_modelversion_do", args=[version.pk, "prepare"])
    for _ in range(2):
        assert client.post(url).status_code == 302
    assert Job.objects.filter(type="prepare").count() == 1


def test_activating_what_is_not_ready_says_why(client, root, version):
    ModelVersion.objects.update(state="valid")
    url = reverse("admin:models_admin_modelversion_do", args=[version.pk, "activate"])
    assert "version.wrong_state" in shown_page(client.post(url, follow=True))


def test_retiring_keeps_the_bundle(client, root, version):
    ModelVersion.objects.update(state="ready")
    client.post(reverse("admin:models_admin_modelversion_do", args=[version.pk, "retire"]))
    version.refresh_from_db()
    assert version.state == "retired"
    assert version.bundle_id


def test_staff_without_superuser_rights_never_reach_the_registry(client, version):
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get(reverse("admin:models_admin_modelversion_changelist")).status_code == 403
    assert (
        client.post(reverse("admin:models_admin_modelversion_do", args=[version.pk, "prepare"])).status_code
        == 403
    )


def test_a_bundle_is_given_back_as_it_was_uploaded_to_superusers(client, root, version, django_user_model):
    url = reverse("admin:models_admin_modelversion_bundle", args=[version.pk])
    assert url in shown_page(client.get(reverse("admin:models_admin_modelversion_change", args=[version.pk])))
    answer = client.get(url)
    assert b"".join(answer.streaming_content) == b"zip"
    assert 'filename="tiny-1.bundle.zip"' in answer.headers["Content-Disposition"]
    client.force_login(django_user_model.objects.create_user("curator", is_staff=True))
    assert client.get(url).status_code == 403


def test_a_bundle_that_the_storage_lost_is_told_on_the_page(client, root, version):
    default_storage.delete(version.bundle.storage_name)
    page = client.get(reverse("admin:models_admin_modelversion_bundle", args=[version.pk]), follow=True)
    assert "no longer in the storage" in shown_page(page)


def test_activating_asks_why_and_the_page_keeps_who_did_it(client, root, version, monkeypatch):
    monkeypatch.setattr(services, "_warm", lambda version: None)
    monkeypatch.setattr(services, "check_complete", lambda version: None)
    ModelVersion.objects.update(state="ready")
    before = ModelVersion.objects.create(
        name="old", number=1, bundle=version.bundle, state="ready", dim=8, manifest={"licence": "MIT"}
    )
    Alias.objects.create(name="champion", version=before)
    where = reverse("admin:models_admin_modelversion_confirm", args=[version.pk, "activate"])
    page = shown_page(client.get(where))
    assert "It was not measured beside old@1" in page
    assert "Nobody has compared tiny@1 and old@1 blindly yet." in page
    assert "<td>MIT</td>" in page
    do = reverse("admin:models_admin_modelversion_do", args=[version.pk, "activate"])
    after = shown_page(client.post(do, {"reason": "It knows the new pumps."}, follow=True))
    assert "It knows the new pumps." in after
    assert "What changed since old@1" in after
    assert str(version.activations.get().by) == "root"


def test_a_switch_that_is_not_offered_leads_back(client, root, version):
    ModelVersion.objects.update(state="valid")
    where = reverse("admin:models_admin_modelversion_confirm", args=[version.pk, "activate"])
    assert client.get(where).url == reverse("admin:models_admin_modelversion_change", args=[version.pk])


def test_a_challenger_gets_its_share_and_gives_the_place_up(client, root, version, monkeypatch):
    monkeypatch.setattr(services, "_warm", lambda version: None)
    monkeypatch.setattr(services, "check_complete", lambda version: None)
    ModelVersion.objects.update(state="ready")
    do = lambda action, **sent: shown_page(  # noqa: E731
        client.post(
            reverse("admin:models_admin_modelversion_do", args=[version.pk, action]), sent, follow=True
        )
    )
    assert 'name="percent"' in do("challenge", reason="a try")
    do("share", percent="25")
    assert Alias.objects.get(name="challenger").share == 0.25
    assert "parameter.invalid" in do("share", percent="250")
    assert "parameter.invalid" in do("share", percent="all")
    do("challenge-end")
    assert not Alias.objects.filter(name="challenger").exists()
