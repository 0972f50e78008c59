"""What was asked and answered, what the site has acknowledged, and what was wrong."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.client import Timed

CALM = "calm"
NO_ANSWER = "no answer"
UNKNOWN_ERROR = "server.error"
EXAMPLES_MAX = 20


@dataclass
class Ledger:
    """Kept by all users together.

    `answers` counts by fault, what was asked, and `ok`, an error's id, or how it was none of both. `documents` has
    the acknowledged bodies (None: deleted), `unsure` those whose last request got no answer, `imports` the documents of
    each accepted import by its job, `judgements` the grades by query and document.
    """

    fault: str = CALM
    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    documents: dict[str, str | None] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    imports: dict[str, dict[str, str]] = field(default_factory=dict)
    judgements: dict[tuple[str, int], int] = field(default_factory=dict)
    unsure_judgements: set[tuple[str, int]] = field(default_factory=set)
    job_errors: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    compared: int = 0
    models: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    def asked(self, what: str, ask: Callable[[], Timed]) -> Timed | None:
        """Ask, count the answer, and return it where it is a good one. Raises nothing that a network may do."""
        fault = self.fault
        try:
            answer = ask()
        except (OSError, HTTPException) as error:
            self.count(fault, what, f"{NO_ANSWER} ({type(error).__name__})")
            raise NoAnswerError from error
        except ValueError as error:
            self.count(fault, what, "not JSON", f"{what} during {fault}: {error}")
            raise NoAnswerError from error
        kind = kind_of(answer)
        self.count(fault, what, kind, "" if kind == "ok" else f"{what} during {fault}: {answer}")
        if kind != "ok":
            return None
        with self.lock:
            self.seconds[fault].append(answer.seconds)
        return answer

    def count(self, fault: str, what: str, kind: str, example: str = "") -> None:
        """Count one answer, and keep an example of what should not be."""
        with self.lock:
            self.answers[fault, what, kind] += 1
            if example and len(self.examples[kind]) < EXAMPLES_MAX:
                self.examples[kind].append(example[:1000])

    def wrong(self, sentence: str) -> None:
        """Note a wrong answer."""
        self.count(self.fault, "answer", "wrong", sentence)

    def total(self, *kinds: str) -> int:
        """Return how many answers were of these kinds."""
        return sum(count for (*_, kind), count in self.answers.items() if kind in kinds)


class NoAnswerError(Exception):
    """Nobody knows what became of the request."""


def kind_of(answer: Timed) -> str:
    """Return `ok`, the error's id, or what is wrong with its shape."""
    if answer.status < 400:
        return "ok"
    error: Any = answer.body.get("error") if isinstance(answer.body, dict) else None
    if not isinstance(error, dict) or set(error) != {"id", "message", "detail"}:
        return f"misshaped {answer.status}"
    return str(error["id"])
