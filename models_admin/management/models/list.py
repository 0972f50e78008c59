"""`manage.py models list`: the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_admin.catalogue import cards

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from models_admin.catalogue import CatalogueCard
    from workers.jobs.command import JobCommand

HELP = "list the models of the catalogue, and what this site has of them"


def add_arguments(parser: ArgumentParser) -> None:
    """Take none."""


def handle(command: JobCommand, options: dict[str, Any]) -> None:
    """Write a paragraph for each model."""
    for card in cards():
        for line in _lines(card):
            command.stdout.write(line)


def _lines(card: CatalogueCard) -> list[str]:
    model = card.model
    qualities = [f"{one.value:g} % ({one.measure}; {one.by}, {one.source})" for one in model.quality]
    licence = model.licence if model.commercial else f"{model.licence}: RESEARCH ONLY, --accept-licence"
    here = [f"here: {card.version} {card.version.state}"] if card.version else []
    here += [f"{name} {milliseconds:.0f} ms" for name, milliseconds in card.milliseconds.items()]
    return [
        f"{model.name}: {model.title}",
        f"  good for {model.good_for}; {model.languages}",
        f"  {model.megabytes:,} MB to fetch, {model.dim} dimensions; {licence}",
        *([f"  quality {', '.join(qualities)}"] if qualities else []),
        *([f"  {', '.join(here)}"] if here else []),
    ]
