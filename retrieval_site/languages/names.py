"""The names of models and fields, as the admin shows them, in the reader's language.

Most of them are made from names in the code, so no literal could be marked. The state of migrations is not touched: it
keeps what a field was declared with, and a lazy text equals its English.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Field

from retrieval_site.languages.lazy import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

APPS = ("workers", "models_admin", "search")


def names_translate() -> None:
    """Make the names and choices of all models, and what the admin shows of fields, lazy translations of themselves."""
    shown = _in_admin()
    for model in _models():
        model._meta.verbose_name = _lazy(model._meta.verbose_name)
        model._meta.verbose_name_plural = _lazy(model._meta.verbose_name_plural)
        for field in _fields(model):
            if field.choices:
                field.choices = [(value, _lazy(label)) for value, label in field.flatchoices]
            if model in shown:
                field.verbose_name = _lazy(field.verbose_name)
                field.help_text = _lazy(field.help_text)


def names_known() -> Iterator[tuple[str, str]]:
    """Yield each name with the model that has it."""
    shown = _in_admin()
    for model in _models():
        options = model._meta
        names = [options.verbose_name, options.verbose_name_plural]
        for field in _fields(model):
            names += [label for _, label in field.flatchoices or ()]
            names += [field.verbose_name, field.help_text] if model in shown else []
        yield from ((str(name), options.label) for name in names if name)


def _in_admin() -> set[type[Model]]:
    """Return the models whose fields the admin shows: those that have pages there, and those inside of these pages."""
    pages = admin.site._registry
    return {*pages, *(inside.model for page in pages.values() for inside in page.inlines)}


def _models() -> list[type[Model]]:
    return [model for label in APPS for model in apps.get_app_config(label).get_models()]


def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    return [field for field in model._meta.get_fields() if isinstance(field, Field)]


def _lazy(text: Any) -> Any:
    return gettext_lazy(str(text)) if text else text
