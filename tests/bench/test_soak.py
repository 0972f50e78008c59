"""What the rehearsed bad day takes for a wrong answer, an error without an id, and an answer that never came."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys

import psutil
import pytest
from PIL import Image

from bench.client import Timed
from bench.photos import photo
from bench.soak import limits
from bench.soak.ledger import Ledger, NoAnswerError, kind_of
from bench.soak.limits import NotPermittedError, limits_of, limits_set
from bench.soak.site import logs_beside
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs anything as another account")
def test_another_accounts_process_is_limited_by_its_own_account_where_root_may_not(monkeypatch):
    """As in containers whose root lacks CAP_SYS_RESOURCE."""

    def refused(process, *_: object) -> None:
        raise psutil.AccessDenied(process.pid)

    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        process = psutil.Process(child.pid)
        before = limits_of(process)
        monkeypatch.setattr(psutil.Process, "rlimit", refused)
        assert limits_of(process) == before
        limits_set(process, (1 << 40, before[1]))
        assert limits_of(process) == (1 << 40, before[1])
        limits_set(process, before)
        assert limits_of(process) == before
    finally:
        child.communicate(b"\n")
    with pytest.raises(psutil.NoSuchProcess):
        limits_of(process)


def test_what_may_not_be_limited_by_anybody_says_so(monkeypatch):
    def refused(process, *_: object) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "rlimit", refused)
    monkeypatch.setattr(limits, "_COMMAND", "false")
    with pytest.raises(NotPermittedError):
        limits_of(psutil.Process())


def test_logs_lie_beside_the_data_folder_and_stay_when_that_goes(tmp_path):
    folder = tmp_path / "soak"
    folder.mkdir()
    logs = logs_beside(folder)
    (folder / "log" / "web.log").write_text("crashed")
    shutil.rmtree(folder)
    assert (logs / "web.log").read_text() == "crashed"
    folder.mkdir()
    assert logs_beside(folder) == logs
    assert not list(logs.iterdir())  # each run has its own
