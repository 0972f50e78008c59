"""Files come from a hub once, go on where they ended, are what their commit says, and lead nowhere else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from tests.support.hub_server import COMMIT, HubServer, served_hub
from workers.hub.download import Hub, hub_commit, hub_fetch
from workers.hub.errors import HubError

SMALL, LARGE = b'{"a": 1}', bytes(range(256)) * 64
FILES = {"config.json": SMALL, "onnx/text_model.onnx": LARGE, "pytorch_model.bin": b"x" * 4000}


@pytest.fixture
def server():
    return HubServer("some/model", dict(FILES))


@pytest.fixture
def hub(server, tmp_path):
    with served_hub(server) as endpoint:
        yield Hub(endpoint=endpoint, cache=tmp_path / "hub")


def fetched(hub, *paths, progress=lambda count: None):
    return hub_fetch(hub, hub_commit(hub, "some/model", "main"), list(paths), progress)


def got(server):
    return [path for method, path, _ in server.asked if method == "GET" and "/api/" not in path]


def test_a_branch_is_a_commit_with_its_files_sizes_and_hashes(hub):
    commit = hub_commit(hub, "some/model", "main")
    assert commit.commit == COMMIT
    assert commit.files["onnx/text_model.onnx"].size == len(LARGE)
    assert commit.files["onnx/text_model.onnx"].hash == hashlib.sha256(LARGE).hexdigest()


def test_only_what_is_asked_for_comes_and_only_once(hub, server):
    counted = []
    found = fetched(hub, "config.json", "onnx/text_model.onnx", progress=counted.append)
    assert {path: file.read_bytes() for path, file in found.items()} == {path: FILES[path] for path in found}
    assert sum(counted) == len(SMALL) + len(LARGE)
    before = len(got(server))
    fetched(hub, "config.json", "onnx/text_model.onnx")
    assert len(got(server)) == before
    assert not any("pytorch_model" in path for _, path, _ in server.asked)


@pytest.mark.parametrize("path", ["config.json", "onnx/text_model.onnx"])
@pytest.mark.parametrize("damage", [lambda body: body[:-1], lambda body: body[:-1] + b"?"])
def test_a_file_of_the_cache_that_is_not_what_its_commit_says_comes_anew(hub, server, path, damage):
    kept, counted = fetched(hub, path)[path], []
    kept.write_bytes(damage(FILES[path]))
    server.asked.clear()
    assert fetched(hub, path, progress=counted.append)[path].read_bytes() == FILES[path]
    assert (len(got(server)) > 0, sum(counted)) == (True, len(FILES[path]))


def test_a_file_that_broke_off_goes_on_where_it_ended(hub, server):
    commit = hub_commit(hub, "some/model", "main")

    def stop(count):
        if count:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        hub_fetch(hub, commit, ["onnx/text_model.onnx"], stop)
    partial = next(hub.cache.rglob(".text_model.onnx.*"))
    partial.write_bytes(LARGE[:5000])  # what a killed process leaves
    server.asked.clear()
    found = hub_fetch(hub, commit, ["onnx/text_model.onnx"], lambda count: None)
    assert found["onnx/text_model.onnx"].read_bytes() == LARGE
    content = [
        headers for method, path, headers in server.asked if method == "GET" and path.startswith("/lfs/")
    ]
    assert [headers["Range"] for headers in content] == ["bytes=5000-"]


def test_a_connection_that_ends_early_is_taken_up_again(hub, server):
    server.breaks_after = 5000
    assert fetched(hub, "onnx/text_model.onnx")["onnx/text_model.onnx"].read_bytes() == LARGE


@pytest.mark.parametrize("path", ["config.json", "onnx/text_model.onnx"])
def test_a_file_that_is_not_what_its_commit_says_is_thrown_away(hub, server, path):
    server.changed[path] = bytes(reversed(FILES[path]))
    with pytest.raises(HubError) as error:
        fetched(hub, path)
    assert error.value.id == "hub.hash_mismatch"
    assert [file for file in hub.cache.rglob("*") if file.is_file() and "refs" not in file.parts] == []


def test_a_hub_does_not_lead_into_the_operators_network(hub, server):
    other = HubServer("some/model", dict(FILES))
    with served_hub(other) as endpoint:
        server.elsewhere = endpoint
        with pytest.raises(HubError) as error:
            fetched(hub, "onnx/text_model.onnx")
        assert error.value.id == "hub.redirected"
        assert other.asked == []


def test_the_token_goes_to_the_hub_alone(hub, server):
    from ipaddress import ip_network

    other = HubServer("some/model", dict(FILES))
    with served_hub(other) as endpoint:
        server.elsewhere, server.gated = endpoint, True
        with pytest.raises(HubError) as error:
            fetched(hub, "onnx/text_model.onnx")
        assert error.value.id == "hub.not_permitted"
        known = replace(hub, token="hf_x", networks=(ip_network("127.0.0.0/8"),))
        assert fetched(known, "onnx/text_model.onnx")["onnx/text_model.onnx"].read_bytes() == LARGE
        assert other.asked
        assert not any(name.lower() == "authorization" for _, _, headers in other.asked for name in headers)


def test_what_is_too_large_or_too_slow_is_refused(hub):
    for limits, expected in (({"max_bytes": 100}, "hub.too_large"), ({"seconds": -1.0}, "hub.timeout")):
        with pytest.raises(HubError) as error:
            fetched(replace(hub, **limits), "config.json", "onnx/text_model.onnx")
        assert error.value.id == expected


def test_without_the_network_the_cache_answers(hub, server):
    fetched(hub, "config.json")
    server.asked.clear()
    offline = replace(hub, offline=True, endpoint="http://127.0.0.1:9")
    assert fetched(offline, "config.json")["config.json"].read_bytes() == SMALL
    with pytest.raises(HubError) as error:
        hub_commit(offline, "some/other", "main")
    assert error.value.id == "hub.not_cached"
    assert server.asked == []


@pytest.mark.parametrize(("repository", "revision", "expected"), [
    ("some/other", "main", "hub.not_found"),
    ("some/model", "v2", "hub.not_found"),
    ("../../etc", "main", "hub.invalid_name"),
    ("some/model", "a/../../b", "hub.invalid_name"),
])  # fmt: skip
def test_names_that_are_wrong_or_unknown_are_refused(hub, repository, revision, expected):
    with pytest.raises(HubError) as error:
        hub_commit(hub, repository, revision)
    assert error.value.id == expected


def test_a_hub_that_is_not_there_is_named(tmp_path):
    with pytest.raises(HubError) as error:
        hub_commit(Hub(endpoint="http://127.0.0.1:9", cache=tmp_path), "some/model", "main")
    assert error.value.id == "hub.not_reached"
    assert "127.0.0.1:9" in error.value.message
