from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path


def positive(text: str) -> int:
    """A whole number of at least 1; ArgumentTypeError otherwise."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def add_corpus_options(parser: ArgumentParser, count: int) -> None:
    """The options that every generator has."""
    parser.add_argument("--seed", type=int, default=1, help="the same seed writes the same files (default 1)")
    parser.add_argument("--count", type=positive, default=count, help=f"how many (default {count})")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--processes", type=positive, default=1, help="processes that draw (default 1)")
