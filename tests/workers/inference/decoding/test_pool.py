"""Real decoders: what they return, and what becomes of a picture that takes too long, too much, or kills one."""

import io
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pillow_heif
import psutil
import pytest
from PIL import Image

from tests.support import hostile_pictures as hostile
from workers.inference.decoding.pool import Decoders
from workers.inference.decoding.types import MIB, SLOW_NICENESS, DecodingLimits
from workers.inference.errors import PictureError
from workers.inference.headers.reading import read_header
from workers.inference.headers.types import PictureLimits
from workers.inference.manifest import ImageSpec
from workers.inference.pictures import open_picture, preview_jpeg, to_pixels

pillow_heif.register_heif_opener()

SPEC = ImageSpec(resize=256, size=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
FORMATS = ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "TIFF", "GIF"]
SLOW = PictureLimits(max_scans=10**6, max_scans_each=10**6)
MANY_SCANS = hostile.jpeg_scans(4000, 2048)
"""Takes about 15 s."""
SEVERAL_SCANS = hostile.jpeg_scans(130, 2048)
"""Takes half a second, and so counts as slow."""


def grain(width, height, channels=3):
    values = np.random.default_rng(3).integers(
        0, 256, (height // 8 + 1, width // 8 + 1, channels), dtype=np.uint8
    )
    return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def decoders():
    with closing(Decoders(DecodingLimits(processes=2))) as made:
        yield made


def started(limits, slow=False):
    """Decoders whose processes all stand, with `slow` also those for slow pictures."""
    made = Decoders(limits)
    until(lambda: len(made.quick.pids()) == limits.processes + 1)
    if slow:
        with suppress(PictureError):  # "busy", where it does not wait for the processes that it makes start
            made.prepared(SEVERAL_SCANS, SPEC)
        until(lambda: len(made.pids()) == limits.processes + 1 + limits.slow_processes + 1)
    return closing(made)


def until(condition, seconds=30):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.01)


def refusal(run):
    with pytest.raises(PictureError) as caught:
        run()
    return caught.value


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("crop", ["center", "squash", "ten"])
def test_what_an_encoder_gets_is_bit_for_bit_what_decoding_here_gives(decoders, name, crop):
    data = hostile.encoded(grain(701, 527), name)
    spec = ImageSpec(resize=256, size=224, mean=SPEC.mean, std=SPEC.std, crop=crop)
    prepared = decoders.prepared(data, spec, preview_px=320)
    side = spec.size if crop == "squash" else spec.resize
    here = open_picture(data, shortest_side=side)
    np.testing.assert_array_equal(prepared.pixels, to_pixels(here, spec))
    assert prepared.size == (701, 527)
    assert max(prepared.small.size) == 320
    assert preview_jpeg(prepared.small, 320) == preview_jpeg(here, 320)


def test_without_a_preview_there_is_none(decoders):
    assert decoders.prepared(hostile.encoded(grain(300, 300), "PNG"), SPEC).small is None


def test_a_preview_is_as_large_as_was_asked_for_where_the_encoder_needs_less(decoders):
    data = hostile.encoded(grain(1600, 1600), "JPEG")
    tiny = ImageSpec(resize=32, size=32, mean=SPEC.mean, std=SPEC.std)
    prepared = decoders.prepared(data, tiny, preview_px=960)
    assert prepared.small.size == (960, 960)
    np.testing.assert_array_equal(prepared.pixels, to_pixels(open_picture(data, shortest_side=32), tiny))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_thumbnail_comes_with_the_upright_size_of_the_whole_picture(decoders, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    thumbnail = decoders.thumbnail(hostile.encoded(grain(1200, 800), "JPEG", exif=exif), 100)
    assert thumbnail.size == ((1200, 800) if orientation == 1 else (800, 1200))
    assert thumbnail.image.size == ((100, 67) if orientation == 1 else (67, 100))


def test_a_picture_comes_whole_or_at_a_jpegs_own_scale(decoders):
    data = hostile.encoded(grain(1200, 800), "JPEG")
    assert decoders.picture(data).tobytes() == open_picture(data).tobytes()
    assert decoders.picture(data, shortest_side=200).size == (300, 200)


def test_what_is_no_picture_is_refused_as_ever(decoders):
    assert refusal(lambda: decoders.picture(b"%PDF-1.7")).id == "image.unknown_format"
    data = hostile.encoded(grain(300, 300), "PNG")
    assert refusal(lambda: decoders.picture(data[:-2000])).id == "image.truncated"


def test_a_picture_that_takes_too_much_processor_time_ends_its_process_and_no_other_picture():
    good = hostile.encoded(grain(640, 480), "JPEG")
    with started(DecodingLimits(picture=SLOW, processor_seconds=1, processes=2), slow=True) as decoders:
        before = set(decoders.pids())
        with ThreadPoolExecutor(1) as threads:
            bad = threads.submit(refusal, lambda: decoders.prepared(MANY_SCANS, SPEC))
            while not bad.done():
                assert decoders.prepared(good, SPEC).size == (640, 480)
                time.sleep(0.05)  # not so many that a process is replaced for their number
        assert bad.result().id == "image.timeout"
        until(lambda: len(decoders.pids()) == len(before))
        assert len(before & set(decoders.pids())) == len(before) - 1


def test_a_picture_whose_asker_has_given_up_costs_nothing_more():
    with started(DecodingLimits(picture=SLOW, processor_seconds=60, processes=1), slow=True) as decoders:
        before = {psutil.Process(pid) for pid in decoders.pids()}
        error = refusal(lambda: decoders.prepared(MANY_SCANS, SPEC, within_seconds=0.5))
        assert error.id == "image.timeout"
        assert sum(not process.is_running() for process in before) == 1


def test_a_picture_that_needs_more_memory_than_a_process_may_use_is_refused():
    data = hostile.encoded(hostile.small(size=(6000, 6000)), "PNG")
    with started(DecodingLimits(processes=1, process_bytes=64 * MIB)) as decoders:
        assert refusal(lambda: decoders.picture(data)).id == "image.memory"
        assert decoders.picture(hostile.encoded(grain(64, 64), "PNG")).size == (64, 64)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_ends_while_it_decodes_is_replaced(number):
    with started(DecodingLimits(picture=SLOW, processor_seconds=60, processes=1), slow=True) as decoders:
        with ThreadPoolExecutor(1) as threads:
            bad = threads.submit(refusal, lambda: decoders.prepared(MANY_SCANS, SPEC))
            at_work = working(decoders)
            os.kill(at_work, number)
            error = bad.result()
            assert (error.id, error.detail) == ("image.crashed", {"reason": number.name})
        assert decoders.prepared(SEVERAL_SCANS, SPEC).size == (2048, 2048)
        until(lambda: len(decoders.pids()) == 4)
        assert at_work not in decoders.pids()


def working(decoders):
    """The process that is busy."""
    started_at = {pid: sum(psutil.Process(pid).cpu_times()[:2]) for pid in decoders.pids()}
    busy = []
    until(
        lambda: (
            busy.extend(
                pid
                for pid, since in started_at.items()
                if sum(psutil.Process(pid).cpu_times()[:2]) > since + 0.1
            )
            or busy
        )
    )
    return busy[0]


def test_large_pictures_wait_for_memory_and_together_stay_below_the_limit():
    data = hostile.encoded(hostile.small(size=(3000, 3000)), "WEBP", lossless=True)
    limit = 600 * MIB  # of which quick pictures have half
    with started(DecodingLimits(memory_bytes=limit, processes=4, busy_seconds=60)) as decoders:
        idle = resident(decoders)
        peak = [0]
        with ThreadPoolExecutor(6) as threads:
            running = [threads.submit(decoders.prepared, data, SPEC) for _ in range(6)]
            while not all(one.done() for one in running):
                peak[0] = max(peak[0], resident(decoders))
                time.sleep(0.002)
        assert all(one.result().size == (3000, 3000) for one in running)
        assert decoders.quick.budget.free == limit // 2
    assert 60 * MIB < peak[0] - idle < limit // 2 + 64 * MIB


def resident(decoders):
    return sum(psutil.Process(pid).memory_full_info().uss for pid in decoders.pids())


def test_a_picture_that_waits_too_long_for_its_turn_is_refused_and_says_when_to_come_again():
    limits = DecodingLimits(picture=SLOW, processor_seconds=60, processes=1, busy_seconds=0.3)
    with started(limits, slow=True) as decoders:
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(refusal, lambda: decoders.prepared(MANY_SCANS, SPEC, within_seconds=5))
            working(decoders)
            error = refusal(lambda: decoders.prepared(SEVERAL_SCANS, SPEC))
            assert first.result().id == "image.timeout"
        assert error.id == "image.busy"
        assert error.detail["retry_after_seconds"] >= 1


def test_quick_pictures_never_wait_for_slow_ones_of_which_only_a_few_may_wait():
    good = hostile.encoded(grain(640, 480), "JPEG")
    limits = DecodingLimits(picture=SLOW, processor_seconds=60, processes=2, busy_seconds=60)
    with started(limits, slow=True) as decoders, ThreadPoolExecutor(3) as threads:
        slow = [
            threads.submit(refusal, lambda: decoders.prepared(MANY_SCANS, SPEC, within_seconds=4))
            for _ in range(3)  # one is decoded, two wait
        ]
        at_work = working(decoders)
        until(
            lambda: (
                refusal(lambda: decoders.prepared(MANY_SCANS, SPEC, within_seconds=0.1)).id == "image.busy"
            )
        )
        for _ in range(20):
            assert decoders.prepared(good, SPEC).size == (640, 480)
        assert not any(one.done() for one in slow)
        assert psutil.Process(at_work).nice() == psutil.Process().nice() + SLOW_NICENESS
        assert {one.result().id for one in slow} <= {"image.timeout", "image.busy"}


@pytest.mark.parametrize(
    ("size", "name", "options", "slow"),
    [
        ((4032, 3024), "HEIF", {}, False),
        ((5700, 4300), "PNG", {}, False),
        ((7700, 7700), "JPEG", {}, False),
        ((7700, 7700), "PNG", {}, True),
        ((7700, 7700), "WEBP", {}, True),
        ((7700, 7700), "JPEG", {"progressive": True}, True),
    ],
)
def test_photos_of_cameras_are_quick_and_vast_ones_slow(size, name, options, slow):
    data = hostile.encoded(Image.new("RGB", size, "teal"), name, **options)
    assert DecodingLimits(memory_bytes=3 << 30).is_slow(read_header(data), 256) is slow


def test_many_threads_share_the_processes(decoders):
    files = [hostile.encoded(grain(200 + n, 150), FORMATS[n % len(FORMATS)]) for n in range(40)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(decoders.picture, files))
    assert [image.width for image in found] == [200 + n for n in range(40)]


def test_a_closed_pool_leaves_no_process_behind():
    made = Decoders(DecodingLimits(processes=1))
    made.picture(hostile.encoded(grain(64, 64), "PNG"))
    pids = made.pids()
    made.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert threading.active_count() < 50


def test_the_walls_stand_around_a_decoder(decoders):
    decoders.picture(hostile.encoded(grain(64, 64), "PNG"))
    status = [psutil.Process(pid) for pid in decoders.pids()]
    assert all(one.environ().keys().isdisjoint({"SECRET_KEY", "DATABASE_URL", "REDIS_URL"}) for one in status)
    assert "Seccomp:\t2" in Path(f"/proc/{status[0].pid}/status").read_text()


def test_no_byte_of_metadata_reaches_a_preview(decoders):
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    data = hostile.encoded(grain(400, 300), "JPEG", exif=exif, comment=b"secret", xmp=b"secret")
    small = decoders.prepared(data, SPEC, preview_px=320).small
    assert b"secret" not in preview_jpeg(small, 320)
    with Image.open(io.BytesIO(preview_jpeg(small, 320))) as kept:
        assert set(kept.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_processes_that_were_killed_while_idle_cost_no_picture():
    good = hostile.encoded(grain(320, 240), "JPEG")
    with started(DecodingLimits(processes=2)) as decoders:
        until(lambda: len(decoders.pids()) == 3)
        for _ in range(3):
            for pid in decoders.pids():
                os.kill(pid, signal.SIGKILL)  # it takes a while to end, and is asked meanwhile
            assert decoders.prepared(good, SPEC).size == (320, 240)
