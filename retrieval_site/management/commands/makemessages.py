"""Bring the catalogues in `locale/` up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Write each language's .po file, with new texts untranslated and old ones gone, and the .mo file made of it."""

    help = "Collect the texts that are to be translated into locale/, and compile what is translated."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the languages, else all."""
        parser.add_argument("languages", nargs="*", help="codes, such as de (default: all)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the files, and say what is left to do."""
        from retrieval_site.languages import catalogue

        for language in options["languages"] or catalogue.languages():
            catalog, file = catalogue.wanted(language), catalogue.po_file(language)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(catalogue.as_po(catalog))
            file.with_suffix(".mo").write_bytes(catalogue.as_mo(catalog))
            missing = sum(1 for one in catalog if one.id and not all(_forms(one.string)))
            self.stdout.write(f"{language}: {len(catalog)} texts, {missing} to translate.")


def _forms(string: Any) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, list | tuple) else (string,)
