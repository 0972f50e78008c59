from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from demo.commands.options import positive
from retrieval_site.errors import AppError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

HELP = "Load documents, model and example photos of the demo; what is there already stays."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the subcommand's options."""
    parser.add_argument("--bundle", type=Path, help="another bundle than the demo's own")
    parser.add_argument("--count", type=positive, help="how many documents")


def run(options: dict[str, Any], say: Callable[[str], Any]) -> None:
    """Loads the demo; CommandError with the reason where a part of it fails."""
    from demo.load import BUNDLE, COUNT, load

    try:
        load(say, bundle=options["bundle"] or BUNDLE, count=options["count"] or COUNT)
    except AppError as error:
        raise CommandError(f"{error.message} [{error.id}]") from error
