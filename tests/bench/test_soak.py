"""What the rehearsed bad day takes for a wrong answer, an error without an id, and an answer that never came."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bench.client import Timed
from bench.photos import photo
from bench.soak.ledger import Ledger, NoAnswerError, kind_of
from bench.soak.users import differs, import_file, unseen

TRUTH = {1: 0.9, 2: 0.8, 3: 0.7}


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (TRUTH, False),
        ({2: 0.8, 1: 0.9004, 3: 0.7}, False),
        ({1: 0.9, 2: 0.8, 4: 0.7005}, False),  # as good as the last one
        ({1: 0.9, 2: 0.8}, True),
        ({1: 0.9, 5: 0.8, 3: 0.7}, True),
        ({1: 0.9, 2: 0.8, 3: 0.6}, True),
    ],
)
def test_an_answer_is_wrong_where_it_is_another_one(found, wrong):
    assert differs(found, TRUTH) is wrong


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {}, "ok"),
        (503, {"error": {"id": "server.busy", "message": "…", "detail": {}}}, "server.busy"),
        (500, {"error": {"id": "server.error", "message": "…", "detail": {}}}, "server.error"),
        (502, {"detail": "Bad Gateway"}, "misshaped 502"),
        (404, [], "misshaped 404"),
    ],
)
def test_an_error_has_the_one_shape_or_is_told_apart(status, body, kind):
    assert kind_of(Timed(status, body, 0.1)) == kind


def test_an_unseen_photo_is_another_file_of_the_same_pixels():
    seen = photo(1, 64, 48)
    once, twice = unseen(seen), unseen(seen)
    assert len({seen, once, twice}) == 3
    assert open_pixels(once) == open_pixels(seen)


def open_pixels(jpeg: bytes) -> bytes:
    return Image.open(io.BytesIO(jpeg)).tobytes()


def test_every_answer_is_counted_by_the_fault_of_its_time():
    ledger = Ledger()
    ledger.fault = "web killed"

    def refused() -> Timed:
        raise ConnectionRefusedError

    assert ledger.asked("search", lambda: Timed(200, {}, 0.1)) is not None
    with pytest.raises(NoAnswerError):
        ledger.asked("search", refused)
    ledger.wrong("not so")
    assert dict(ledger.answers) == {
        ("web killed", "search", "ok"): 1,
        ("web killed", "search", "no answer (ConnectionRefusedError)"): 1,
        ("web killed", "answer", "wrong"): 1,
    }
    assert ledger.examples["wrong"] == ["not so"]


def test_every_other_import_is_a_zip_with_pictures():
    documents = {f"d{n}": "a pump" for n in range(6)}
    for turn in (0, 1):
        path, body, kind = import_file(documents, turn)
        assert path == "/api/v1/documents/import/"
        assert kind.removeprefix("multipart/form-data; boundary=").encode() in body
        assert (b"PK\x03\x04" in body) == bool(turn)
