"""IIIF manifests and collections of both versions become documents with the pictures of their canvases."""

from __future__ import annotations

import json

import pytest

from retrieval_site.errors import AppError
from search.curating.editing import document_trash
from search.models import Document, DocumentImage
from search.services.sources import source_update
from search.sources import iiif, manifests
from search.sources.manifests import named_in, read_manifest, read_resource
from tests.support.corpus import picture
from tests.support.picture_server import sends
from tests.support.sources import report
from workers.jobs import services
from workers.jobs.errors import JobStopped
from workers.jobs.runner import run_job_inline

pytestmark = pytest.mark.django_db
RED, GREEN, BLUE = (200, 30, 30), (30, 200, 30), (30, 30, 200)


@pytest.fixture
def base(web) -> str:
    return f"http://127.0.0.1:{web.port}"


def as_json(value: object):
    return sends(json.dumps(value).encode(), Content_Type="application/ld+json")


def canvas_3(base: str, number: int, *, service: bool = True) -> dict:
    body = {"id": f"{base}/file/{number}.jpg", "type": "Image"}
    if service:
        body["service"] = [{"id": f"{base}/image/{number}", "type": "ImageService3"}]
    page = {"type": "AnnotationPage", "items": [{"type": "Annotation", "body": body}]}
    return {"type": "Canvas", "label": {"none": [f"f. {number}"]}, "items": [page]}


def manifest_3(base: str, name: str, *canvases: dict, **more: object) -> dict:
    return {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{base}/{name}",
        "type": "Manifest",
        "label": {"de": ["Atlas"], "en": [f"Atlas {name}"]},
        "summary": {"en": ["<p>Maps of the <b>world</b>.</p>"]},
        "metadata": [{"label": {"en": ["Maker"]}, "value": {"none": ["Ann", "Bob"]}}],
        "rights": "http://creativecommons.org/licenses/by/4.0/",
        "homepage": [{"id": f"{base}/home/{name}", "type": "Text"}],
        "items": list(canvases),
        **more,
    }


def manifest_2(base: str, name: str, *numbers: int) -> dict:
    images = {
        number: {
            "resource": {"@id": f"{base}/file/{number}.jpg", "service": {"@id": f"{base}/image/{number}"}}
        }
        for number in numbers
    }
    return {
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@id": f"{base}/{name}",
        "@type": "sc:Manifest",
        "label": [{"@value": "Karten", "@language": "de"}, {"@value": "Maps", "@language": "en"}],
        "description": "Old maps.",
        "metadata": [{"label": "Date", "value": ["1750", "1751"]}],
        "license": "http://example.com/free",
        "related": {"@id": f"{base}/home"},
        "sequences": [
            {"canvases": [{"label": f"p. {number}", "images": [image]} for number, image in images.items()]}
        ],
    }


def images_of(**colours: tuple[int, int, int]) -> dict:
    """Routes of an image service: `1=RED` is the picture 1 at the size that is asked for."""
    return {
        f"/image/{name[1:]}/full/!1600,1600/0/default.jpg": sends(picture(colour, size=(320, 240)))
        for name, colour in colours.items()
    }


def listed(base: str, *names: str, kind: str = "Manifest") -> dict:
    return {"type": "Collection", "items": [{"id": f"{base}/{name}", "type": kind} for name in names]}


def test_a_manifest_of_version_three_becomes_a_document_with_its_pictures(rounds, web, base):
    web.routes = {
        "/m": as_json(manifest_3(base, "m", canvas_3(base, 1), canvas_3(base, 2))),
        **images_of(_1=RED, _2=GREEN),
    }
    source = rounds.source("iiif", f"{base}/m")
    assert report(rounds.take(source)) == {"new": 1}
    found = Document.objects.get()
    assert (found.external_id, found.title, found.url) == (f"{base}/m", "Atlas m", f"{base}/home/m")
    assert found.body == "Maps of the world.\n\nMaker: Ann; Bob"
    assert found.metadata == {
        "rights": "http://creativecommons.org/licenses/by/4.0/", "manifest": f"{base}/m", "canvases": "2",
        "maker": "Ann; Bob",
    }  # fmt: skip
    assert list(found.images.values_list("alt", "width")) == [("f. 1", 320), ("f. 2", 320)]
    assert report(rounds.take(source)) == {"unchanged": 1}


def test_a_manifest_of_version_two_becomes_a_document_with_its_pictures(rounds, web, base):
    web.routes = {"/m": as_json(manifest_2(base, "m", 1, 2)), **images_of(_1=RED, _2=GREEN)}
    rounds.take(rounds.source("iiif", f"{base}/m"))
    found = Document.objects.get()
    assert (found.title, found.body, found.url) == ("Maps", "Old maps.\n\nDate: 1750; 1751", f"{base}/home")
    assert found.metadata["rights"] == "http://example.com/free"
    assert list(found.images.values_list("alt", flat=True)) == ["p. 1", "p. 2"]


def test_a_collection_is_followed_to_its_manifests_and_what_it_loses_is_removed(rounds, web, base, names):
    pages = {name: as_json(manifest_3(base, name[1:])) for name in ("/a", "/b", "/c")}
    web.routes = {
        **pages,
        "/top": as_json({
            "type": "Collection",
            "items": [{"id": f"{base}/a", "type": "Manifest"}, {"id": f"{base}/in", "type": "Collection"}],
        }),
        "/in": as_json({
            "@type": "sc:Collection", "manifests": [{"@id": f"{base}/b"}], "members": [
                {"@id": f"{base}/c", "@type": "sc:Manifest"}, {"@id": f"{base}/top", "@type": "sc:Collection"}
            ],
        }),
    }  # fmt: skip
    source = rounds.source("iiif", f"{base}/top")
    assert report(rounds.take(source)) == {"new": 3}
    web.routes["/in"] = as_json(listed(base, "b"))
    web.routes["/a"] = as_json(manifest_3(base, "a", summary={"en": ["Changed."]}))
    expected = {"changed": 1, "unchanged": 1, "deleted": 1}
    assert report(rounds.take(source, dry_run=True)) == expected
    assert report(rounds.take(source)) == expected
    assert names() == [f"{base}/a", f"{base}/b"]


def test_a_collection_that_cannot_be_read_removes_nothing(rounds, web, base, names):
    web.routes = {
        "/top": as_json(listed(base, "in", kind="Collection")),
        "/in": as_json(listed(base, "a")),
        "/a": as_json(manifest_3(base, "a")),
    }
    source = rounds.source("iiif", f"{base}/top")
    rounds.take(source)
    web.routes["/in"] = sends(b"oops", 500)
    job = rounds.take(source, delete_many=True)
    assert report(job) == {}
    assert [w["id"] for w in job.result["warnings"]] == ["source.collection_unreadable"]
    assert names() == [f"{base}/a"]


def test_a_picture_that_does_not_come_is_missing_and_tried_again_by_the_next_round(rounds, web, base):
    web.routes = {
        "/m": as_json(manifest_3(base, "m", canvas_3(base, 1), canvas_3(base, 2))),
        **images_of(_1=RED),
    }
    source = rounds.source("iiif", f"{base}/m")
    job = rounds.take(source)
    assert report(job) == {"new": 1}
    assert [item.error_id for item in job.items.all()] == ["source.pictures_missing"]
    assert DocumentImage.objects.count() == 1
    web.routes.update(images_of(_2=GREEN))
    assert report(rounds.take(source)) == {"changed": 1}
    assert DocumentImage.objects.count() == 2
    assert report(rounds.take(source)) == {"unchanged": 1}


def test_a_deleted_document_whose_pictures_never_come_does_not_come_back(rounds, web, base, anna, names):
    web.routes = {
        "/m": as_json(manifest_3(base, "m", canvas_3(base, 1), canvas_3(base, 2))),
        **images_of(_1=RED),
    }
    source = rounds.source("iiif", f"{base}/m")
    rounds.take(source)
    assert report(rounds.take(source)) == {"unchanged": 1}
    document_trash(document=Document.objects.get(), by=anna)
    assert report(rounds.take(source)) == {"unchanged": 1}
    assert names() == []
    web.routes["/m"] = as_json(manifest_3(base, "m", canvas_3(base, 1), summary={"en": ["Changed."]}))
    assert report(rounds.take(source)) == {"new": 1}


def test_pictures_that_come_when_they_are_tried_again_leave_the_manifest_new(rounds, web, base):
    web.routes = {
        "/m": as_json(manifest_3(base, "m", canvas_3(base, 1), canvas_3(base, 2))),
        **images_of(_1=RED),
    }
    job = rounds.take(rounds.source("iiif", f"{base}/m"))
    web.routes.update(images_of(_2=GREEN))
    again = run_job_inline(services.job_retry_failed(job))
    assert report(again) == {"new": 1}
    assert not again.result.get("failed")


def test_a_collection_in_many_pages_is_one_level(rounds, web, base, names):
    pages = 12
    web.routes = {
        "/top": as_json({"@type": "sc:Collection", "first": f"{base}/page0"}),
        **{
            f"/page{n}": as_json({
                "@type": "sc:Collection",
                "manifests": [{"@id": f"{base}/m{n}"}],
                **({"next": f"{base}/page{n + 1}"} if n < pages - 1 else {}),
            })
            for n in range(pages)
        },
        **{f"/m{n}": as_json(manifest_3(base, f"m{n}")) for n in range(pages)},
    }  # fmt: skip
    assert report(rounds.take(rounds.source("iiif", f"{base}/top"))) == {"new": pages}


def test_all_that_a_collection_names_is_read():
    named = [{"id": f"http://a.example/{n}", "type": "Manifest"} for n in range(60_000)]
    assert sum(1 for _ in named_in({"type": "Collection", "items": named})) == 60_000


def test_where_a_service_has_no_sizes_the_file_itself_is_taken(rounds, web, base):
    web.routes = {
        "/m": as_json(manifest_3(base, "m", canvas_3(base, 1), canvas_3(base, 2, service=False))),
        "/file/1.jpg": sends(picture(RED)),
        "/file/2.jpg": sends(picture(BLUE)),
    }
    job = rounds.take(rounds.source("iiif", f"{base}/m"))
    assert (report(job), DocumentImage.objects.count()) == ({"new": 1}, 2)


def test_pictures_are_fetched_as_large_and_as_many_as_the_options_say(rounds, web, base, anna):
    web.routes = {
        "/m": as_json(manifest_3(base, "m", *(canvas_3(base, n) for n in range(9)))),
        "/image/0/full/!400,400/0/default.jpg": sends(picture(RED)),
    }
    source = rounds.source("iiif", f"{base}/m")
    source_update(source=source, by=anna, options={"pictures": 1, "longest_side": 400})
    assert report(rounds.take(source)) == {"new": 1}
    assert (DocumentImage.objects.count(), Document.objects.get().metadata["canvases"]) == (1, "9")


def test_a_failed_manifest_that_the_collection_no_longer_has_is_not_asked_for_again(rounds, web, base, names):
    web.routes = {
        "/top": as_json(listed(base, "a", "b")),
        "/a": as_json(manifest_3(base, "a")),
        "/b": sends(b"", 500),
    }
    source = rounds.source("iiif", f"{base}/top")
    assert report(rounds.take(source)) == {"new": 1, "failed": 1}
    web.routes |= {"/top": as_json(listed(base, "a")), "/b": as_json(manifest_3(base, "b"))}
    assert report(rounds.take(source)) == {"unchanged": 1}
    assert names() == [f"{base}/a"]


def test_a_dry_run_fetches_no_pictures(rounds, web, base):
    web.server.asked.clear()
    web.routes = {"/m": as_json(manifest_3(base, "m", canvas_3(base, 1)))}
    check = rounds.first_dry_run(rounds.source("iiif", f"{base}/m"))
    assert (report(check), check.result["examples"]) == ({"new": 1}, ["Atlas m"])
    assert not any(path.startswith("/image") for path, _ in web.server.asked)


def test_killed_in_the_middle_it_goes_on_behind_the_last_manifest(rounds, web, base, monkeypatch, names):
    web.routes = {
        "/top": as_json(listed(base, "a", "b", "c")),
        **{f"/{name}": as_json(manifest_3(base, name)) for name in "abc"},
    }
    original, read = iiif.IiifReader.content, []

    def dying(self, entry):
        read.append(entry.key[-1])
        if len(read) == 2:
            raise JobStopped
        return original(self, entry)

    monkeypatch.setattr(iiif.IiifReader, "content", dying)
    job = rounds.take(rounds.source("iiif", f"{base}/top"))
    assert (job.state, names()) == ("queued", [f"{base}/a"])
    assert report(run_job_inline(job)) == {"new": 3}
    assert read == ["a", "b", "b", "c"]


def test_a_picture_that_is_a_bomb_or_none_is_missing_and_nothing_else(rounds, web, base):
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x02\0\0\0" + b"\0" * 60
    web.routes = {
        "/m": as_json(manifest_3(base, "m", *(canvas_3(base, n, service=False) for n in (1, 2, 3)))),
        "/file/1.jpg": sends(bomb),
        "/file/2.jpg": sends(b"<html>no picture</html>"),
        "/file/3.jpg": sends(picture(BLUE)),
    }
    job = rounds.take(rounds.source("iiif", f"{base}/m"))
    assert (report(job), DocumentImage.objects.count()) == ({"new": 1}, 1)
    assert "2 of 3 pictures" in job.items.get().reason


def test_a_server_that_sends_no_pictures_is_left_alone_after_three(rounds, web, base):
    web.server.asked.clear()
    web.routes = {
        "/m": as_json(manifest_3(base, "m", *(canvas_3(base, n, service=False) for n in range(20))))
    }
    job = rounds.take(rounds.source("iiif", f"{base}/m"))
    assert "20 of 20 pictures" in job.items.get().reason
    assert sum(path.startswith("/file") for path, _ in web.server.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        sends(b"<html>Welcome</html>"),
        sends(b"[1, 2]"),
        sends(b'{"type": "Canvas"}'),
        sends(b"[" * 5000),
        sends(b'{"type": "Manifest", "label": ' + b'{"en": ' * 100 + b"1" + b"}" * 101),
        sends(b"\xff\xfe\0"),
    ],
    ids=["html", "list", "other type", "deep", "deep label", "not utf-8"],
)
def test_what_is_no_manifest_ends_the_round(rounds, web, base, answer):
    web.routes = answer
    job = rounds.take(rounds.source("iiif", f"{base}/m"))
    assert (job.state, job.error_id) == ("failed", "source.not_iiif")


def test_collections_without_end_are_left(rounds, web, base):
    def respond(request) -> None:
        deeper = f"{request.path}x"
        as_json(listed(base, deeper.lstrip("/"), kind="Collection"))(request)

    web.routes = respond
    assert rounds.take(rounds.source("iiif", f"{base}/c")).error_id == "source.no_end"


def test_a_manifest_of_a_hundred_thousand_canvases_is_read_as_far_as_pictures_are_wanted():
    canvases = [{"id": f"http://a.example/{n}", "items": []} for n in range(100_000)]
    resource = {"type": "Manifest", "items": [*canvases, canvas_3("http://a.example", 1)]}
    found = read_manifest(resource, pictures=5, longest_side=800)
    assert (found.canvas_count, len(found.canvases)) == (100_001, 1)
    assert found.canvases[0].pictures[0] == "http://a.example/image/1/full/!800,800/0/default.jpg"


@pytest.mark.parametrize(
    "resource",
    [
        {"type": "Manifest", "items": [None, 3, {"items": "x"}, {"items": [{"items": [{"body": [[]]}]}]}]},
        {"type": "Manifest", "label": {"en": "not a list"}, "metadata": [3, {"label": None, "value": {}}]},
        {"@type": "sc:Manifest", "sequences": [{"canvases": [{"images": [{"resource": 3}]}]}, 3]},
        {
            "type": "Manifest",
            "label": {"en": ["\ud800 \0"]},
            "homepage": [{"id": "javascript:x"}],
            "rights": True,
        },
        {"type": "Manifest", "items": [{"items": [{"items": [{"body": {"type": "Choice", "items": []}}]}]}]},
    ],
)
def test_manifests_of_odd_shapes_are_read_as_far_as_they_make_sense(resource):
    found = read_manifest(resource, pictures=5, longest_side=800)
    assert (found.canvases, found.homepage) == ((), "")


def test_only_web_addresses_are_followed():
    named = [{"id": address, "type": "Manifest"} for address in ("file:///etc/passwd", "x", 3, None)]
    assert list(named_in({"type": "Collection", "items": named})) == []
    with pytest.raises(AppError):
        read_resource(b'{"type": "Range"}')


def test_a_choice_of_pictures_is_the_first_of_them():
    choice = {"type": "Choice", "items": [{"id": "http://a.example/1.jpg", "type": "Image"}, {}]}
    canvas = {"items": [{"items": [{"body": choice}]}]}
    assert manifests.read_manifest(
        {"type": "Manifest", "items": [canvas]}, pictures=1, longest_side=800
    ).canvases[0].pictures == ("http://a.example/1.jpg",)
