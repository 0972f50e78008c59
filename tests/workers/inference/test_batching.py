"""Items that arrive together share encoder calls; a bad one fails alone; nobody waits for nothing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from workers.inference import batching
from workers.inference.batching import Batcher


class Slow:
    """An encoder that takes its time and notes its batches; `0` is an item on which it fails."""

    def __init__(self, seconds=0.03):
        self.seconds = seconds
        self.batches = []

    def __call__(self, items):
        self.batches.append(list(items))
        time.sleep(self.seconds)
        return [1 / item for item in items]


def test_sixteen_that_arrive_together_take_at_most_six_calls():
    encode = Slow(seconds=0.1)
    batcher = Batcher(encode, max_batch=4)
    with ThreadPoolExecutor(16) as askers:
        futures = list(askers.map(batcher.submit, range(1, 17)))
    assert [future.result(5) for future in futures] == [1 / item for item in range(1, 17)]
    assert batcher.metrics.calls == len(encode.batches) <= 6
    assert (batcher.metrics.items, batcher.metrics.largest) == (16, 4)
    batcher.close()


def test_announced_items_share_calls_even_when_the_encoder_is_faster_than_their_preparation():
    encode = Slow(seconds=0.0)
    batcher = Batcher(encode, max_batch=4)
    decoder, together = threading.Lock(), threading.Barrier(16)

    def ask(item):
        with batcher.expected():
            together.wait(20)
            with decoder:  # one after another, each far slower than the shortest patience
                time.sleep(5 * batching.PATIENCE_SECONDS[0])
            future = batcher.submit(item)
        return future.result(5)

    with ThreadPoolExecutor(16) as askers:
        assert list(askers.map(ask, range(1, 17))) == [1 / item for item in range(1, 17)]
    assert batcher.metrics.calls <= 6
    batcher.close()


def test_a_lone_item_waits_for_nobody():
    batcher = Batcher(Slow(seconds=0), max_batch=4)
    batcher.submit(1).result(5)
    waited = []
    for _ in range(20):
        started = time.perf_counter()
        with batcher.expected():
            future = batcher.submit(1)
        future.result(5)
        waited.append(time.perf_counter() - started)
    assert min(waited) < batching.PATIENCE_SECONDS[0] / 2
    batcher.close()


def test_an_announced_item_that_never_comes_delays_but_does_not_block():
    batcher = Batcher(Slow(seconds=0), max_batch=2)
    with batcher.expected():
        assert batcher.submit(4).result(2) == 0.25
    batcher.close()


def test_a_bad_item_fails_alone():
    encode = Slow(seconds=0.02)
    batcher = Batcher(encode, max_batch=8)
    futures = [batcher.submit(item) for item in (1, 2, 0, 4)]
    wait(futures, 5)
    assert isinstance(futures[2].exception(), ZeroDivisionError)
    assert [futures[at].result() for at in (0, 1, 3)] == [1, 0.5, 0.25]
    assert batcher.submit(5).result(5) == 0.2
    batcher.close()


def test_an_encoder_that_loses_items_is_an_error_and_not_a_mix_up():
    batcher = Batcher(lambda items: [], max_batch=4)
    with pytest.raises(RuntimeError, match="0 of 1"):
        batcher.submit(1).result(5)
    batcher.close()


def test_cancelled_items_are_not_encoded():
    encode = Slow()
    batcher = Batcher(encode, max_batch=1)
    first, second = batcher.submit(1), batcher.submit(2)
    assert second.cancel()
    assert first.result(5) == 1
    batcher.close()
    assert encode.batches == [[1]]


def test_closing_finishes_what_was_submitted_and_takes_nothing_more():
    batcher = Batcher(Slow(seconds=0.01), max_batch=2)
    futures = [batcher.submit(item) for item in (1, 2, 4, 5, 8)]
    batcher.close()
    assert [future.result(0) for future in futures] == [1, 0.5, 0.25, 0.2, 0.125]
    with pytest.raises(RuntimeError, match="closed"):
        batcher.submit(1)
    assert not any(thread.name == "batcher" for thread in threading.enumerate())


def test_a_batcher_that_was_never_used_closes():
    Batcher(Slow(), max_batch=2).close()
