"""The names of models and fields, as the admin shows them, in the reader's language.

Most of them are made from names in the code, so no literal could be marked. The state of migrations is not touched: it
keeps what a field was declared with, and a lazy text equals its English.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Field
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

APPS = ("workers", "models_admin", "search")


def names_translate() -> None:
    """Make the names, help texts and choices of all models lazy translations of themselves."""
    for model in _models():
        model._meta.verbose_name = _lazy(model._meta.verbose_name)
        model._meta.verbose_name_plural = _lazy(model._meta.verbose_name_plural)
        for field in _fields(model):
            field.verbose_name = _lazy(field.verbose_name)
            field.help_text = _lazy(field.help_text)
            if field.choices:
                field.choices = [(value, _lazy(label)) for value, label in field.flatchoices]


def names_known() -> Iterator[tuple[str, str]]:
    """Yield each name with the model that has it."""
    for model in _models():
        options = model._meta
        names = [options.verbose_name, options.verbose_name_plural]
        for field in _fields(model):
            names += [field.verbose_name, field.help_text, *(label for _, label in field.flatchoices or ())]
        yield from ((str(name), options.label) for name in names if name)


def _models() -> list[type[Model]]:
    return [model for label in APPS for model in apps.get_app_config(label).get_models()]


def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    return [field for field in model._meta.get_fields() if isinstance(field, Field)]


def _lazy(text: Any) -> Any:
    return gettext_lazy(text) if text and not isinstance(text, Promise) else text
