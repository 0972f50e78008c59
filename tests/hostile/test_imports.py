"""Import files that are small to send and dear to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.flows.served import wait_for
from tests.hostile.clients import search_once
from tests.hostile.generators import deep_json, upload, wide_json
from tests.hostile.site import MIB
from tests.hostile.test_pictures import memory_watched

if TYPE_CHECKING:
    from tests.hostile.site import Site

pytestmark = pytest.mark.slow

DEPTH = 100_000
LINE_BYTES = 16_000_000
"""As long as a line may be; read, it takes 400 MB."""

GROWTH_MAX = 600 * MIB
"""Beyond what jobs may have here; the deep file took 17 GB."""


@pytest.fixture
def collection(site: Site) -> str:
    site.operator.ask("POST", "collections/", {"slug": "heavy", "name": "Heavy", "visibility": "private"})
    return "heavy"


def imported(site: Site, collection: str, data: bytes, name: str) -> dict[str, Any]:
    """The import job at its end."""
    form = {"collection": collection, "file": upload(data, name)}
    job = site.operator.must("POST", "documents/import/", form=form)

    def ended() -> dict[str, Any] | None:
        found = site.operator.must("GET", f"jobs/{job['id']}/")
        return found if found["state"] in ("succeeded", "failed") else None

    return wait_for(ended, 120)


def attempts(site: Site, job: dict[str, Any]) -> int:
    return int(
        site.shell(f"from workers.models import Job; print(Job.objects.get(pk={job['id']!r}).attempts)")
    )


def test_deeply_nested_json_is_refused_for_its_depth_and_the_other_lines_are_read(
    site: Site, collection: str
) -> None:
    with memory_watched(site, "bulk") as samples:
        job = imported(site, collection, deep_json(DEPTH), "deep.jsonl")
    assert job["state"] == "succeeded", job
    assert (job["result"]["new"], job["result"]["failed"], attempts(site, job)) == (1, 1, 1)
    (item,) = site.operator.must("GET", f"jobs/{job['id']}/failed/")["results"]
    assert item["error_id"] == "import.too_deep"
    assert max(samples) - samples[0] < GROWTH_MAX


@pytest.mark.parametrize("path", ["search/", "documents/", "embeddings/", "judgements/"])
def test_deeply_nested_json_in_a_request_is_refused(site: Site, path: str) -> None:
    import urllib.error
    import urllib.request

    body = b'{"text": "red", "filters": {"metadata": {"a": ' + b"[" * DEPTH + b"]" * DEPTH + b"}}}"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {site.operator.token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{site.port}/api/v1/{path}", body, headers)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    assert caught.value.code == 400
    assert search_once(site.port) == 200


def test_a_job_that_eats_memory_fails_for_that_reason_once_and_others_go_on(
    site: Site, collection: str
) -> None:
    with memory_watched(site, "bulk") as samples:
        job = imported(site, collection, wide_json(LINE_BYTES), "wide.jsonl")
    assert (job["state"], job["error"]["id"], attempts(site, job)) == ("failed", "job.memory", 1)
    assert max(samples) - samples[0] < 2 * GROWTH_MAX
    assert (
        imported(site, collection, b'{"external_id": "after", "title": "t"}\n', "a.jsonl")["state"]
        == "succeeded"
    )
