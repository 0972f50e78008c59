"""How questions leave their list: at once, no more than there are threads for, and none is lost to a bad one."""

from __future__ import annotations

import threading

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.support.workers import wait_until
from workers.encoding import wire
from workers.encoding.questions import Questions


def _ask(number: int) -> wire.Ask:
    return wire.Ask(str(number), version_id=1, kind="text", preview_px=0, cache_key="k")


class Answers:
    """Notes who was asked; waits, where it is told to, until `go` is set."""

    def __init__(self, *, held: bool = False):
        self.asked = []
        self.go = threading.Event()
        if not held:
            self.go.set()

    def __call__(self, ask):
        self.asked.append(ask.request_id)
        self.go.wait(20)
        if ask.request_id == "0":
            raise ZeroDivisionError

    def has(self, *numbers):
        return sorted(self.asked) == [str(number) for number in numbers]


@pytest.fixture
def asked(monkeypatch):
    """Put these questions on a list of this test's own."""
    key = "test:asked"
    monkeypatch.setattr(wire, "ASKED_KEY", key)
    wire.client().delete(key)
    yield lambda *numbers: wire.client().rpush(key, *(_ask(number).packed() for number in numbers))
    wire.client().delete(key)


@pytest.fixture
def taking():
    """Start a taker of questions that ends with the test."""
    started = []

    def start(answers, threads):
        questions = Questions(answers, threads)
        questions.start()
        started.append((questions, answers))
        return questions

    yield start
    for questions, answers in started:
        answers.go.set()
        questions.stop()


def test_a_question_survives_its_way():
    assert wire.Ask.read(_ask(7).packed()) == _ask(7)


def test_as_many_are_taken_as_threads_are_free_and_the_rest_waits_for_other_workers(asked, taking):
    asked(1, 2, 3, 4, 5)
    answers = Answers(held=True)
    taking(answers, threads=3)
    wait_until(lambda: answers.has(1, 2, 3), what="three questions")
    assert wire.client().llen(wire.ASKED_KEY) == 2
    answers.go.set()
    wait_until(lambda: answers.has(1, 2, 3, 4, 5), what="the rest")


def test_an_answer_that_fails_frees_its_thread(asked, taking, caplog):
    answers = Answers()
    taking(answers, threads=1)
    asked(0, 1)
    wait_until(lambda: answers.has(0, 1), what="the question after the failed one")
    assert "The question 0 was not answered" in caplog.text


@pytest.mark.parametrize("nonsense", [b"\xff", b"[]", b"{}", b'{"request_id": "1", "why": 2}'])
def test_what_is_no_question_is_left_out(asked, taking, nonsense):
    wire.client().rpush(wire.ASKED_KEY, nonsense, nonsense)
    asked(1)
    answers = Answers()
    taking(answers, threads=1)
    wait_until(lambda: answers.has(1), what="the question after the nonsense")


def test_what_was_taken_is_finished_before_the_end_and_nothing_more_is_taken(asked, taking):
    asked(1)
    answers = Answers(held=True)
    questions = taking(answers, threads=2)
    wait_until(lambda: answers.has(1), what="the question")
    ending = threading.Thread(target=questions.stop)
    ending.start()
    wait_until(lambda: sum(thread.is_alive() for thread in questions.threads) == 1, what="the free one's end")
    asked(2)
    assert ending.is_alive()
    answers.go.set()
    ending.join(10)
    assert not ending.is_alive()
    assert answers.has(1)


def test_questions_are_taken_again_once_redis_is_back(asked, taking, monkeypatch):
    real, refused = wire.client, threading.Event()

    def away():
        refused.set()
        raise RedisConnectionError

    monkeypatch.setattr(wire, "client", away)
    answers = Answers()
    taking(answers, threads=1)
    assert refused.wait(10)
    monkeypatch.setattr(wire, "client", real)
    asked(1)
    wait_until(lambda: answers.has(1), what="the question")


def test_what_nobody_waits_for_is_taken_last(asked, monkeypatch):
    monkeypatch.setattr(wire, "BESIDE_KEY", "test:beside")
    wire.client().delete(wire.BESIDE_KEY)
    wire.client().rpush(wire.BESIDE_KEY, _ask(7).packed())
    asked(1, 2)
    answers = Answers()
    questions = Questions(answers, 1, wire.ASKED_KEY, wire.BESIDE_KEY)
    questions.start()
    wait_until(lambda: answers.has(1, 2, 7))
    questions.stop()
    assert answers.asked == ["1", "2", "7"]
