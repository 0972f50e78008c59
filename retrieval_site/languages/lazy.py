"""Texts that are translated when they are shown."""

from __future__ import annotations

from typing import cast

from django.utils import translation


def gettext_lazy(message: str) -> str:
    """Return Django's lazy translation of a text, which stands where a text does: types need not tell them apart."""
    return cast("str", translation.gettext_lazy(message))
