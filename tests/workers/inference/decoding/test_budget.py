"""Memory given out fairly."""

import threading
import time

import pytest

from workers.inference.decoding import budget as module
from workers.inference.decoding.budget import Budget, BudgetTimeoutError


def holding(budget, amount, order=None, name=None):
    """Take memory in a thread of its own; the returned events start and end the hold."""
    got, end = threading.Event(), threading.Event()

    def run():
        with budget.reserved(amount, 20):
            if order is not None:
                order.append(name)
            got.set()
            end.wait(20)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return got, end, thread


def wait_for_waiting(budget, count):
    ends = time.monotonic() + 10
    while len(budget._queue) < count:
        assert time.monotonic() < ends
        time.sleep(0.005)


def test_what_fits_is_given_at_once_and_taken_back_afterwards():
    budget = Budget(100)
    with budget.reserved(60, 1), budget.reserved(40, 1):
        assert budget.free == 0
    assert budget.free == 100


def test_what_does_not_fit_waits_and_is_refused_in_the_end():
    budget = Budget(100)
    with budget.reserved(60, 1), pytest.raises(BudgetTimeoutError), budget.reserved(50, 0.05):
        pass
    assert budget.free == 100


def test_more_than_there_is_gets_all_of_it_alone():
    budget = Budget(100)
    with budget.reserved(1000, 1):
        assert budget.free == 0


def test_a_small_one_overtakes_a_large_one_that_has_just_come():
    budget = Budget(100)
    got, end, thread = holding(budget, 60)
    assert got.wait(10)
    large, end_large, thread_large = holding(budget, 90)
    wait_for_waiting(budget, 1)
    with budget.reserved(20, 1):
        assert not large.is_set()
    end.set(), thread.join(10)
    assert large.wait(10)
    end_large.set(), thread_large.join(10)


def test_a_large_one_that_has_waited_long_is_not_overtaken_for_ever(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.05)
    budget, order = Budget(100), []
    got, end, thread = holding(budget, 60)
    assert got.wait(10)
    large, end_large, thread_large = holding(budget, 90, order, "large")
    wait_for_waiting(budget, 1)
    time.sleep(0.1)
    _, end_small, thread_small = holding(budget, 20, order, "small")
    wait_for_waiting(budget, 2)
    assert order == []
    end.set(), thread.join(10)
    assert large.wait(10)
    end_large.set(), end_small.set()
    thread_large.join(10), thread_small.join(10)
    assert order == ["large", "small"]
