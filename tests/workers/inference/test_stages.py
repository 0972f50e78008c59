import threading
import time
from concurrent.futures import CancelledError

import pytest

from workers.inference.stages import Stage, TwoStages, balanced, batch_seconds

WAIT = 5


def doubled(items):
    return [2 * item for item in items]


def plus_one(items):
    return [item + 1 for item in items]


def stage_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("stage-")]


def test_answers_come_in_order_and_no_thread_is_left():
    with TwoStages(Stage(doubled, 3), Stage(plus_one, 5)) as stages:
        assert len(stage_threads()) == 2
        found = [answer.result() for answer in stages.answers(range(100))]
    assert found == [2 * n + 1 for n in range(100)]
    assert not stage_threads()


def test_batches_are_as_large_as_the_stage_allows_and_no_larger():
    seen = []

    def slow(items):
        seen.append(len(items))
        time.sleep(0.01)
        return items

    with TwoStages(Stage(lambda items: items, 4), Stage(slow, 6)) as stages:
        list(stages.answers(range(60)))
    assert max(seen) == 6
    assert sum(seen) == 60
    assert len(seen) < 20


@pytest.mark.parametrize("bad", ["first", "second"])
def test_an_error_reaches_only_its_own_item(bad):
    def picky(items):
        if 7 in items:
            raise ValueError("seven")
        return items

    good = Stage(lambda items: items, 4)
    stages = (Stage(picky, 4), good) if bad == "first" else (good, Stage(picky, 4))
    with TwoStages(*stages) as running:
        answers = list(running.answers(range(20)))
    assert [n for n, answer in enumerate(answers) if answer.exception()] == [7]
    assert [answer.result() for answer in answers if not answer.exception()] == [
        n for n in range(20) if n != 7
    ]


def test_a_stage_that_loses_items_is_an_error_of_each_and_not_a_hang():
    with TwoStages(Stage(lambda items: items[1:], 4), Stage(doubled, 4)) as stages:
        answers = list(stages.answers(range(3)))
    assert all("0 outputs for 1" in str(answer.exception()) for answer in answers)


def test_whoever_is_faster_waits_for_the_slower():
    gate, taken = threading.Event(), []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    def blocked(batch):
        gate.wait(WAIT)
        return batch

    stages = TwoStages(Stage(doubled, 2), Stage(blocked, 2))
    feeder = threading.Thread(target=lambda: list(stages.answers(items())))
    feeder.start()
    time.sleep(0.2)
    held = len(taken)
    gate.set()
    feeder.join(WAIT)
    stages.close()
    # Two queues of four, a batch of two in each stage, and the one that waits to get in (a batch may overfill by one).
    assert held <= 4 + 5 + 2 + 2 + 1
    assert len(taken) == 1000


def test_a_lone_item_waits_for_nobody():
    with TwoStages(Stage(doubled, 64), Stage(plus_one, 64)) as stages:
        assert stages.submit(4).result(timeout=WAIT) == 9


def test_both_stages_work_at_the_same_time():
    meeting = threading.Barrier(2)

    def meet(items):
        meeting.wait(WAIT)
        return items

    with TwoStages(
        Stage(lambda items: items if items == [0] else meet(items), 1), Stage(meet_but_last(meet), 1)
    ) as s:
        assert [answer.result() for answer in s.answers(range(4))] == [0, 1, 2, 3]


def meet_but_last(meet):
    return lambda items: items if items == [3] else meet(items)


def test_closing_finishes_what_was_submitted_and_takes_no_more():
    stages = TwoStages(Stage(doubled, 2), Stage(plus_one, 2))
    answers = [stages.submit(n) for n in range(4)]
    stages.close()
    assert [answer.result(timeout=0) for answer in answers] == [1, 3, 5, 7]
    with pytest.raises(RuntimeError, match="closed"):
        stages.submit(1)


def test_leaving_by_an_error_cancels_what_waits_and_leaves_no_thread():
    started, gate = threading.Event(), threading.Event()

    def blocked(items):
        started.set()
        gate.wait(WAIT)
        return items

    answers = []
    with pytest.raises(KeyError), TwoStages(Stage(doubled, 1), Stage(blocked, 1)) as stages:
        answers = [stages.submit(n) for n in range(4)]
        started.wait(WAIT)
        threading.Timer(0.1, gate.set).start()
        raise KeyError("the reader failed")
    assert not stage_threads()
    assert all(answer.done() for answer in answers)
    kinds = {type(error_of(answer)) for answer in answers}
    assert CancelledError in kinds


def error_of(answer):
    try:
        return answer.exception(timeout=0)
    except CancelledError as error:
        return error


def test_the_slower_stage_decides_and_the_faster_keeps_its_batches_small():
    # The first gains from batches up to 8; the second is twice as fast at any size.
    first = {1: 10.0, 2: 14.0, 4: 22.0, 8: 40.0, 16: 80.0}
    second = {1: 2.5, 2: 5.0, 4: 10.0, 8: 20.0, 16: 40.0}
    assert balanced(first, second) == (8, 8)


def test_sizes_are_those_of_the_best_pair_that_a_loop_over_all_finds_within_a_twentieth():
    first, second = {1: 4.0, 2: 5.0, 4: 8.0, 8: 16.0}, {1: 3.0, 2: 4.5, 4: 8.2, 8: 15.0}
    chosen = balanced(first, second)
    pace = {(a, b): max(first[a] / a, second[b] / b) for a in first for b in second}
    assert pace[chosen] <= 1.05 * min(pace.values())
    assert max(chosen) == min(max(pair) for pair, time in pace.items() if time <= 1.05 * min(pace.values()))


def test_batches_are_measured_at_each_size():
    found = batch_seconds(lambda items: time.sleep(0.002 * len(items)), "item", (1, 4))
    assert 0.002 <= found[1] < found[4]
