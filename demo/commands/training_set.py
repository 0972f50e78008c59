from __future__ import annotations

from typing import TYPE_CHECKING, Any

from demo.commands.options import add_corpus_options
from demo.corpus import write_training_set

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

HELP = "Write captioned drawings to train a model on, in Flickr8k's layout."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the subcommand's options."""
    add_corpus_options(parser, count=20_000)


def run(options: dict[str, Any], say: Callable[[str], Any]) -> None:
    """Writes images/, captions.txt, train.txt and val.txt."""
    write_training_set(options["out"], options["seed"], options["count"], processes=options["processes"])
    say(f"{options['count']} captioned pictures are in {options['out']}")
