from __future__ import annotations

from typing import TYPE_CHECKING, Any

from demo.commands.options import add_corpus_options, positive
from demo.corpus import SHOWN_SIZE, write_drawings

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

HELP = "Draw pictures of machine parts, with truth.jsonl beside them."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the subcommand's options."""
    add_corpus_options(parser, count=20)
    parser.add_argument(
        "--size", type=positive, default=SHOWN_SIZE, help=f"width in pixels (default {SHOWN_SIZE})"
    )


def run(options: dict[str, Any], say: Callable[[str], Any]) -> None:
    """Writes the pictures and their truth."""
    write_drawings(
        options["out"],
        options["seed"],
        options["count"],
        size=options["size"],
        processes=options["processes"],
    )
    say(f"{options['count']} pictures and truth.jsonl are in {options['out']}")
