"""Asking the servers of sources, through the walls of all outgoing requests (`workers/fetching`).

A server decides neither how long it is waited for nor how much it sends; private addresses are refused unless the
operator allows their network.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from retrieval_site.errors import AppError
from workers.encoding.running import Running
from workers.fetching.fetch import FetchLimits
from workers.fetching.pool import Fetchers
from workers.inference.errors import PictureError

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_BYTES_MAX = 16 << 20
SECONDS = 60.0
PATIENT_SECONDS = 600.0
"""How long a request waits for its turn."""
TRIES_MAX = 4
WAIT_SECONDS, WAIT_SECONDS_MAX = 5.0, 120.0
_LATER = (429, 502, 503, 504)
_LOOK_SECONDS = 0.5

_fetchers = Running(Fetchers)


@dataclass(frozen=True)
class SourceFetcher:
    """Fetches answers and pictures; `checkpoint` is called while it waits for a server that asks for patience."""

    checkpoint: Callable[[], None] = lambda: None

    def answer(self, address: str, headers: Callable[[], dict[str, str]] | None = None) -> bytes:
        """Return what is at an address; raises AppError `source.*`. A server that is busy is asked again.

        With `headers`, made for each try, no redirect is followed and the bytes are left as they come; then a line that
        breaks counts as busy.
        """
        self.checkpoint()
        for tried in range(1, TRIES_MAX + 1):
            try:
                return _crew(pictures=False).fetched(address, PATIENT_SECONDS, headers and headers())
            except PictureError as error:
                later = error.detail.get("answered") in _LATER or error.id == "image_url.timeout"
                later = later or (headers is not None and error.id == "image_url.unreachable")
                if tried == TRIES_MAX or not later:
                    raise _refusal(error) from error
                self._wait(float(error.detail.get("retry_after_seconds") or WAIT_SECONDS * tried))
        raise AssertionError("unreachable")

    def picture(self, address: str) -> bytes:
        """Return a picture; raises PictureError `image_url.*`, `image.too_large`."""
        return _crew(pictures=True).fetched(address, PATIENT_SECONDS)

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + min(seconds, WAIT_SECONDS_MAX)
        while (left := ends - time.monotonic()) > 0:
            self.checkpoint()
            time.sleep(min(left, _LOOK_SECONDS))


def _crew(*, pictures: bool) -> Fetchers:
    config = settings.CONFIG
    limits = FetchLimits(
        config.picture_max_bytes if pictures else ANSWER_BYTES_MAX,
        SECONDS,
        tuple(config.source_ports),
        tuple(config.source_networks),
        pictures=pictures,
    )
    return _fetchers.under(limits)


_SOURCE_IDS = {
    "image_url.not_public": "source.not_public",
    "image_url.unreachable": "source.unreachable",
    "image_url.tls": "source.tls",
    "image_url.status": "source.status",
    "image_url.redirects": "source.redirects",
    "image_url.timeout": "source.timeout",
    "image_url.busy": "source.timeout",
    "image.too_large": "source.answer_too_large",
}


def _refusal(error: PictureError) -> AppError:
    """Return the error of a picture's address in the words of a source's."""
    if error.id not in _SOURCE_IDS:
        return AppError.quoting("source.address_invalid", error.message, error.detail)
    facts = {"host": "the server", "limit_seconds": SECONDS, "limit_mib": ANSWER_BYTES_MAX >> 20}
    return AppError(_SOURCE_IDS[error.id], **(facts | error.detail))
