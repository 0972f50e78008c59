"""Hostile bundles against the real guarded child: each is refused with its reason, and nothing is left behind."""

import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from tests.support.tiny_bundle import make_tiny_bundle
from tests.workers.inference import hostile
from workers.inference.bundles import read_manifest
from workers.inference.errors import BundleError
from workers.inference.guard import ChildFailedError, ValidationLimits
from workers.inference.validation import validate_bundle

QUICK = ValidationLimits(seconds=300, memory_bytes=2 << 30)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path, monkeypatch):
    """Every test's scratch folders and children must be gone at its end."""
    room = tmp_path / "scratch-room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    yield
    assert list(room.iterdir()) == []
    left = [child.cmdline() for child in psutil.Process().children(recursive=True)]
    assert not [line for line in left if "workers.inference.validation_child" in line]


def refusal(path, limits=QUICK):
    with pytest.raises(BundleError) as caught:
        validate_bundle(path, limits=limits)
    assert caught.value.message.endswith(".")
    return caught.value


def test_a_good_bundle_passes_with_its_measurements(tmp_path):
    stages = []
    path = make_tiny_bundle(tmp_path / "tiny.zip")
    report = validate_bundle(path, limits=QUICK, progress=stages.append)
    assert (report.bundle, report.converted) == (path, False)
    assert report.manifest == read_manifest(path)
    assert report.probes["image"]["batch_agreement"] > 0.9999
    assert report.probes["image"]["precision"] in {"bf16", "f32"}
    assert abs(report.probes["text"]["mean_cosine"]) < 0.9
    assert list(dict.fromkeys(stages)) == ["start", "unpack", "graphs", "probe image", "probe text"]
    assert report.to_json()["seconds"].keys() == {"unpack", "graphs", "probe image", "probe text"}


@pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
def test_the_child_is_locked_in_where_the_kernel_can(tmp_path):
    report = validate_bundle(make_tiny_bundle(tmp_path / "tiny.zip"), limits=QUICK)
    assert report.isolation["calls"]
    assert report.isolation["is_tight"] == (
        (report.isolation["network"] or report.isolation["calls"])
        and (report.isolation["user"] or report.isolation["files"])
    )


@pytest.mark.parametrize(
    ("make", "error_id"),
    [
        (hostile.endless_loop, "bundle.operator_not_allowed"),
        (hostile.nan_weights, "bundle.output_not_finite"),
        (hostile.batch_dependent, "bundle.batch_changes_result"),
    ],
)
def test_a_hostile_graph_is_refused_by_the_child(tmp_path, make, error_id):
    """One of each stage; `checks/` tries the others without a process for each."""
    assert refusal(hostile.bundle_with(tmp_path / "b.zip", image=make())).id == error_id


def test_endless_work_is_stopped_by_the_clock(tmp_path):
    path = hostile.bundle_with(tmp_path / "b.zip", image=hostile.endless_work())
    started = time.monotonic()
    error = refusal(path, ValidationLimits(seconds=8, memory_bytes=4 << 30))
    assert error.id == "bundle.timeout"
    assert error.detail["limit_seconds"] == 8
    assert time.monotonic() - started < 20


def test_a_huge_allocation_is_refused_and_does_not_fill_the_machine(tmp_path):
    assert (
        refusal(hostile.bundle_with(tmp_path / "b.zip", image=hostile.huge_allocation())).id
        == "bundle.memory"
    )


def test_memory_that_grows_is_seen_from_outside(tmp_path):
    """Well below the kernel's own limit: the parent watches what the child really uses."""
    path = make_tiny_bundle(tmp_path / "tiny.zip")
    assert refusal(path, ValidationLimits(seconds=300, memory_bytes=30 << 20)).id == "bundle.memory"


def zip_with(path, name, data, mode=None):
    make_tiny_bundle(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
        info.external_attr = (mode or stat.S_IFREG | 0o644) << 16
        archive.writestr(info, data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "mode", "error_id"),
    [
        ("bomb.bin", bytes(300_000_000), None, "bundle.compression_ratio"),
        ("../../evil.txt", b"evil", None, "bundle.unsafe_name"),
        ("link", b"/etc/passwd", stat.S_IFLNK | 0o777, "bundle.not_a_regular_file"),
        (
            "model.pkl",
            b"cposix\nsystem\n(S'touch /tmp/sightline-was-here'\ntR.",
            None,
            "bundle.unlisted_file",
        ),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path, name, data, mode, error_id):
    assert refusal(zip_with(tmp_path / "b.zip", name, data, mode)).id == error_id
    assert not Path("/tmp/sightline-was-here").exists()


def test_changed_weights_are_refused(tmp_path):
    path = make_tiny_bundle(tmp_path / "tiny.zip")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["image.onnx"] = members["image.onnx"][:-1] + b"\x00"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    error = refusal(path)
    assert (error.id, error.detail) == ("bundle.hash_mismatch", {"name": "image.onnx"})


def test_what_is_no_zip_is_refused(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"hello")
    assert refusal(tmp_path / "b.zip").id == "bundle.not_a_zip"


class StopError(Exception):
    """Stands for a cancelled job."""


def test_a_cancelled_job_ends_the_child(tmp_path):
    path = hostile.bundle_with(tmp_path / "b.zip", image=hostile.endless_work())

    def progress(stage):
        if stage == "probe image":
            raise StopError

    with pytest.raises(StopError):
        validate_bundle(path, limits=QUICK, progress=progress)


def test_the_child_dies_with_its_parent(tmp_path):
    """A worker that is killed with -9 must not leave its validation running."""
    path = hostile.bundle_with(tmp_path / "b.zip", image=hostile.endless_work())
    code = f"from pathlib import Path; from workers.inference.validation import *; validate_bundle(Path({str(path)!r}))"
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    parent = subprocess.Popen([sys.executable, "-c", code], env=env)
    deadline = time.monotonic() + 20
    while not (children := psutil.Process(parent.pid).children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=5)
    assert children
    assert alive == []


def test_a_defect_of_ours_is_not_blamed_on_the_bundle(tmp_path, monkeypatch):
    from workers.inference import guard

    path = make_tiny_bundle(tmp_path / "tiny.zip")
    monkeypatch.setattr(guard, "_CHILD", "workers.inference.no_such_module")
    with pytest.raises(ChildFailedError, match="no_such_module"):
        validate_bundle(path, limits=QUICK)


def test_several_bundles_are_validated_at_once(tmp_path):
    good, bad = make_tiny_bundle(tmp_path / "good.zip"), hostile.bundle_with(tmp_path / "bad.zip", dim=64)
    found = {}

    def run(name, path):
        try:
            found[name] = validate_bundle(path, limits=QUICK).converted
        except BundleError as error:
            found[name] = error.id

    threads = [threading.Thread(target=run, args=pair) for pair in (("good", good), ("bad", bad))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"good": False, "bad": "bundle.output_wrong_dim"}
