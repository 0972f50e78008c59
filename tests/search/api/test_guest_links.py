"""Roles of groups and guest links for programs."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from search.models import GuestLink
from tests.search.api.conftest import error_id
from tests.search.api.test_schema import assert_described

SECRET = "/api/v1/collections/secret/"
LINKS = f"{SECRET}guest-links/"


def test_a_curator_gives_roles_to_groups(world):
    Group.objects.create(name="crew")
    curator = world.client("curator")
    told = curator.patch(SECRET, {"judge_groups": ["crew"], "readers": [], "judges": ["reader"]}).json()
    assert (told["judge_groups"], told["judges"], told["readers"]) == (["crew"], ["reader"], [])
    told = curator.patch(SECRET, {"curator_groups": ["crew"]}).json()
    assert (told["curator_groups"], told["judge_groups"], told["curators"]) == (["crew"], [], ["curator"])
    assert error_id(curator.patch(SECRET, {"reader_groups": ["nobody"]})) == "group.not_found"
    assert world.client("reader").get(SECRET).json()["role"] == "judge"
    assert world.client("reader").get(SECRET).json()["curator_groups"] is None


def test_a_curator_makes_lists_and_takes_back_guest_links(world):
    curator, ends_at = world.client("curator"), timezone.now() + timedelta(days=7)
    made = curator.post(LINKS, {"ends_at": ends_at.isoformat(), "note": "Press"})
    assert_described(made, "/api/v1/collections/{slug}/guest-links/", "post")
    address, _, key = made.json()["url"].partition("#")
    assert address.endswith("/guest/")
    guest = Client()
    assert guest.post("/guest/", {"key": key})["Location"] == "/collections/secret/"
    assert guest.get("/collections/secret/").status_code == 200
    (listed,) = curator.get(LINKS).json()["results"]
    assert (listed["note"], listed["created_by"], "url" in listed) == ("Press", "curator", False)
    assert listed["last_used_at"] is not None
    assert world.client("curator", "read").post(LINKS, {"ends_at": ends_at.isoformat()}).status_code == 403
    assert curator.delete(f"{LINKS}{listed['id']}/").status_code == 204
    assert error_id(curator.delete(f"{LINKS}{listed['id']}/")) == "guest_link.not_found"
    assert guest.get("/collections/secret/").status_code == 404


def test_a_link_without_an_end_or_with_one_too_far_is_refused(world):
    curator, now = world.client("curator"), timezone.now()
    for body in ({}, {"ends_at": None}, {"ends_at": now.isoformat()}, {"ends_at": "9999-12-31T00:00:00Z"},
                 {"ends_at": (now + timedelta(1)).isoformat(), "note": "x" * 201}):  # fmt: skip
        assert error_id(curator.post(LINKS, body)) == "parameter.invalid"
    assert not GuestLink.objects.exists()
