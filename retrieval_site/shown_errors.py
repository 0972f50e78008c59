"""What was refused, shown on the page that comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages

from retrieval_site.languages.said import in_readers_language

if TYPE_CHECKING:
    from django.http import HttpRequest

    from retrieval_site.errors import AppError


def error_show(request: HttpRequest, error: AppError) -> None:
    """Show an error in the reader's language, with its id."""
    messages.error(request, f"{in_readers_language(error.id, error.message)} ({error.id})")
