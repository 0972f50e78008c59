"""Two versions side by side for programs: what moved, blind preferences, and that they are one person's alone."""

from __future__ import annotations

import pytest

from retrieval_site.accounts.models import User
from search.models import Document, SideBySide
from search.side_by_side import asking
from tests.search.api.conftest import error_id
from tests.search.api.test_evaluation import client_of
from tests.search.api.test_schema import assert_described
from tests.search.test_side_by_side import rater, versions

__all__ = ["rater", "versions"]  # fixtures
pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/side-by-side/"
TWO = {"text": "2", "first": "first@1", "second": "second@1"}


@pytest.fixture
def client(rater, versions):
    return client_of(rater)


def test_both_answers_say_where_each_hit_stands_in_the_other(client):
    made = client.post(ADDRESS, TWO, format="json")
    assert made.status_code == 201, made.content
    found = client.get(made.headers["Location"])
    assert_described(found, f"{ADDRESS}{{side_by_side_id}}/", "get")
    body, documents = found.json(), list(Document.objects.order_by("pk").values_list("pk", flat=True))
    assert [(side["name"], side["model"]) for side in body["sides"]] == [("a", "first@1"), ("b", "second@1")]
    assert [side["results"][0]["document"]["id"] for side in body["sides"]] == documents[2:4]
    one, two = (side["results"] for side in body["sides"])
    ranks = {hit["document"]["id"]: hit["rank"] for hit in two}
    assert all(hit["up"] == ranks[hit["document"]["id"]] - hit["rank"] for hit in one)
    assert body["shared"] == len(one)
    assert [row["id"] for row in client.get(ADDRESS).json()["results"]] == [body["id"]]


@pytest.mark.parametrize(("swapped", "stored"), [(0, "first"), (1, "second")])
def test_a_blind_one_names_the_versions_after_the_preference(client, monkeypatch, swapped, stored):
    monkeypatch.setattr(asking.secrets, "randbelow", lambda most: swapped)
    made = client.post(ADDRESS, TWO | {"blind": True}, format="json").json()
    assert [side["model"] for side in made["sides"]] == [None, None]
    assert made["models"] == ["first@1", "second@1"]
    address = f"{ADDRESS}{made['id']}/"
    said = client.post(f"{address}preference/", {"preference": "a"}, format="json").json()
    assert said["preference"] == "a"
    assert SideBySide.objects.get().preference == stored
    assert said["sides"][0]["model"] == f"{stored}@1"
    again = client.post(f"{address}preference/", {"preference": "neither"}, format="json")
    assert error_id(again) == "side_by_side.said"


def test_preferences_are_counted_with_the_sign_test(client, versions):
    for words in "234":
        made = client.post(ADDRESS, TWO | {"text": words, "blind": True}, format="json").json()
        letter = "b" if SideBySide.objects.get(pk=made["id"]).swapped else "a"
        client.post(f"{ADDRESS}{made['id']}/preference/", {"preference": letter}, format="json")
    answer = client.get(f"{ADDRESS}preferences/")
    assert_described(answer, f"{ADDRESS}preferences/", "get")
    (found,) = answer.json()["results"]
    assert (found["model"], found["other"]) == ("second@1", "first@1")
    assert (found["wins"], found["losses"], found["ties"]) == (0, 3, 0)
    assert found["probability"] == pytest.approx(2 / 8)
    assert not found["counts"]
    turned = client.get(f"{ADDRESS}preferences/?model=first@1&other=second@1").json()["results"]
    assert turned[0]["wins"] == 3
    assert error_id(client.get(f"{ADDRESS}preferences/?other=no@1")) == "model.not_found"


def test_what_cannot_be_asked_is_refused(client):
    assert error_id(client.post(ADDRESS, TWO | {"second": "first@1"}, format="json")) == "side_by_side.same"
    assert error_id(client.post(ADDRESS, TWO | {"second": "no@1"}, format="json")) == "model.not_found"
    nothing = client.post(ADDRESS, {"first": "first@1", "second": "second@1"}, format="json")
    assert error_id(nothing) == "query.parts"
    assert not SideBySide.objects.exists()


def test_answers_of_others_are_nobodys_business(client, versions):
    address = f"{ADDRESS}{client.post(ADDRESS, TWO, format='json').json()['id']}/"
    other = client_of(User.objects.create_superuser("other"))
    assert error_id(other.get(address)) == "side_by_side.not_found"
    said = other.post(f"{address}preference/", {"preference": "a"}, format="json")
    assert error_id(said) == "side_by_side.not_found"
    assert other.get(ADDRESS).json()["results"] == []


def test_a_part_of_a_photo_is_another_question():
    from search.retrieval.types import ImagePart

    asked = [ImagePart(b"x"), ImagePart(b"x", turn=90), ImagePart(b"x", crop=(0.0, 0.0, 0.5, 0.5))]
    assert len({asking._digest(part) for part in asked}) == 3
    assert asking._digest(ImagePart(b"x")) == asking._digest(ImagePart(b"x"))
