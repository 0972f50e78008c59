"""A bundle whose graph ends its process when it sees a white picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.flows.served import wait_for
from tests.hostile.clients import assert_undisturbed, search_once
from tests.hostile.generators import upload, white_photo
from tests.hostile.site import refusal
from tests.support.trigger_bundle import DIM, make_trigger_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.site import Site

pytestmark = pytest.mark.slow

REGISTER = """
from pathlib import Path
from models_admin.models import Alias, ModelVersion
from search.vectors.tables import table_create
from tests.support.tiny_bundle import tiny_manifest
from workers.storage.blobs import blob_store
bundle = blob_store(Path({path!r}).read_bytes(), "application/zip")
version = ModelVersion.objects.create(
    name={name!r}, number=1, state="ready", dim={dim}, bundle=bundle, manifest=tiny_manifest({name!r}, {dim}))
table_create(version)
"""
"""As if the bundle had passed validation."""

MAKE_CHAMPION = """
from models_admin.models import Alias
alias = Alias.objects.get(name="champion")
alias.previous, alias.version = alias.version, version
alias.save()
"""


def register(site: Site, folder: Path, name: str, *, champion: bool = False) -> None:
    path = make_trigger_bundle(folder / f"{name}.zip", name)
    site.shell(REGISTER.format(path=str(path), name=name, dim=DIM) + (MAKE_CHAMPION if champion else ""))


def state_of(site: Site, key: str) -> str:
    return str(site.operator.must("GET", f"models/{key}/")["state"])


def test_validation_refuses_it(site: Site, tmp_path: Path) -> None:
    bundle = make_trigger_bundle(tmp_path / "trigger.zip", "refused").read_bytes()
    job = site.operator.must("POST", "models/", form={"bundle": upload(bundle, "trigger.zip")})["job"]

    def ended() -> dict | None:
        found = site.operator.must("GET", f"jobs/{job['id']}/")
        return found if found["state"] in ("succeeded", "failed") else None

    done = wait_for(ended, 120)
    assert state_of(site, "refused@1") == "refused", done
    assert search_once(site.port) == 200


def test_where_it_got_past_validation_one_question_is_lost_and_the_second_death_sets_it_aside(
    site: Site, tmp_path: Path
) -> None:
    register(site, tmp_path, "past")
    before = {name: site.served.children()[name].pid for name in ("query", "web", "bulk")}
    for side in (50, 60):
        photo = upload(white_photo(side), "white.png")
        status, answer = site.operator.ask("POST", "embeddings/", form={"image": photo, "model": "past@1"})
        assert (status, refusal(answer)) == (422, "encoder.died")
        assert search_once(site.port) == 200
    assert {name: site.served.children()[name].pid for name in before} == before
    assert wait_for(lambda: state_of(site, "past@1") == "set_aside", 20)
    assert "set aside" in site.admin().page("/admin/models_admin/modelversion/")
    assert search_once(site.port) == 200


def test_whoever_does_not_manage_models_does_not_reach_it_while_sixteen_search(
    site: Site, tmp_path: Path
) -> None:
    register(site, tmp_path, "hidden")

    def attack() -> None:
        for side in range(50, 80):
            for path in ("embeddings/", "search/"):
                form = {"image": upload(white_photo(side), "white.png"), "model": "hidden@1"}
                status, answer = site.anonymous().ask("POST", path, form=form)
                assert (status, refusal(answer)) == (404, "model.not_found")

    assert_undisturbed(site.port, attack)
    assert state_of(site, "hidden@1") == "ready"


def test_a_champion_that_dies_twice_makes_way_for_the_one_before_it(site: Site, tmp_path: Path) -> None:
    register(site, tmp_path, "crowned", champion=True)
    for side in (50, 60):
        photo = upload(white_photo(side), "white.png")
        status, answer = site.anonymous().ask("POST", "search/", form={"image": photo})
        assert (status, refusal(answer)) == (422, "encoder.died")
    found = site.anonymous().must("POST", "search/", form={"image": upload(white_photo(70), "white.png")})
    assert found["query"]["model"] == "tiny@1"
    assert state_of(site, "crowned@1") == "set_aside"
