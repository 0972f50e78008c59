"""One module per subcommand of `manage.py demo`: HELP, add_arguments(parser), run(options, say)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from demo.commands import documents, drawings, evaluate, load, training_set

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable


class Subcommand(Protocol):
    """What a module of this package offers."""

    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declares the subcommand's options."""
        ...

    def run(self, options: dict[str, Any], say: Callable[[str], Any]) -> None:
        """Does the work; `say` prints a line."""
        ...


SUBCOMMANDS: dict[str, Subcommand] = {
    "draw": drawings,
    "training-set": training_set,
    "documents": documents,
    "evaluate": evaluate,
    "load": load,
}
