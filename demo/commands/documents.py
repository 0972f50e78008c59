from __future__ import annotations

from typing import TYPE_CHECKING, Any

from demo.commands.options import add_corpus_options
from demo.corpus import write_documents

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

HELP = "Write service notes as documents.jsonl, some with pictures."
COUNT = 2240  # every combination of kind, colour and condition twice


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the subcommand's options."""
    add_corpus_options(parser, count=COUNT)


def run(options: dict[str, Any], say: Callable[[str], Any]) -> None:
    """Writes documents.jsonl and its pictures."""
    write_documents(options["out"], options["seed"], options["count"], processes=options["processes"])
    say(f"{options['count']} documents are in {options['out']}")
