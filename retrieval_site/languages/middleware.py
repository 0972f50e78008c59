"""Which language an answer is in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.conf import settings
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from retrieval_site.addresses import API_PREFIX

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

_ENGLISH = re.compile(r"(^|[\s,])en\b", re.IGNORECASE)
API_DOCS = f"{API_PREFIX}v1/docs/"


class LanguageMiddleware(LocaleMiddleware):
    """Answer pages in the reader's language: as they chose, else as their browser asks, else the site's.

    The API speaks English always: its sentences are a documented catalogue. So do workers and commands, which no
    request reaches: what they store is translated where a page shows it.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Activate the language of this answer."""
        language = language_of(request) if is_page(request) else settings.LANGUAGE_CODE
        translation.activate(language)
        request.LANGUAGE_CODE = language

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Say which language a page is in, and what decided it."""
        if is_page(request) and response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["Accept-Language", "Cookie"])
            response.headers.setdefault("Content-Language", translation.get_language() or "")
        translation.deactivate()
        return response


def is_page(request: HttpRequest) -> bool:
    """Return whether people read the answer: the documentation is the one page below the API's addresses."""
    return not request.path.startswith(API_PREFIX) or request.path == API_DOCS


def language_of(request: HttpRequest) -> str:
    """Return the language that a reader chose, or that their browser asks for; else the site's."""
    found = translation.get_language_from_request(request)
    wished = request.headers.get("Accept-Language", "")
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    if found != settings.LANGUAGE_CODE or found == chosen or _ENGLISH.search(wished):
        return found
    default: str = settings.CONFIG.default_language
    return default
