"""A question that ends an encoder's process, through a real query worker."""

from __future__ import annotations

import io

import psutil
import pytest
from PIL import Image

from models_admin.models import Activation, Alias
from models_admin.services import champion
from retrieval_site.errors import AppError
from tests.support.corpus import picture, tiny_version
from tests.support.tiny_bundle import COLOURS
from tests.support.trigger_bundle import trigger_version
from workers.encoding.client import encode_picture, encode_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("query_worker")]


def white(side: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (side, side), "white").save(target, "PNG")
    return target.getvalue()


def died(version, data: bytes) -> str:
    with pytest.raises(AppError) as caught:
        encode_picture(version, data)
    assert (caught.value.id, caught.value.status) == ("encoder.died", 422)
    return caught.value.message


def test_one_question_is_lost_the_worker_stays_and_the_second_death_sets_the_version_aside(
    tmp_path, query_worker
):
    good = tiny_version(tmp_path)
    bad = trigger_version(tmp_path, champion=True)
    Alias.objects.filter(name="champion").update(previous=good)
    blue = picture(COLOURS["blue"])
    assert encode_picture(bad, blue).vector.size == bad.dim

    died(bad, white(50))
    died(bad, white(50))  # known by now: nothing is sent, nothing dies
    bad.refresh_from_db()
    assert (bad.state, [death["reason"] for death in bad.deaths]) == ("ready", ["SIGSEGV"])
    assert encode_picture(bad, picture(COLOURS["red"])).vector.size == bad.dim

    died(bad, white(60))
    bad.refresh_from_db()
    assert (bad.state, bad.error_id) == ("set_aside", "version.set_aside")
    assert champion() == good
    assert "ended twice (SIGSEGV)" in Activation.objects.first().reason
    assert encode_picture(good, blue).vector.size == good.dim
    assert encode_text(good, "a red pump").vector.size == good.dim
    assert query_worker.poll() is None


def test_the_worker_itself_holds_no_neural_library(tmp_path, query_worker):
    encode_text(tiny_version(tmp_path), "a green pump")
    paths = {entry.path for entry in psutil.Process(query_worker.pid).memory_maps()}
    assert not [path for path in paths if "openvino" in path or "/torch/" in path or "onnx" in path]
    children = psutil.Process(query_worker.pid).children(recursive=True)
    assert any("workers.inference.sandbox.child" in child.cmdline() for child in children)
