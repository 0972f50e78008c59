"""What web and query workers say to each other of photos that are to be read: key names, the form of an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass

from workers.inference.ocr.types import TextRead

ASKED_KEY = "sightline:reading:asked"
"""List of the photos that nobody has taken yet, by their digests, the oldest first."""
INPUT_PREFIX = "sightline:reading:input:"
ASKER_PREFIX = "sightline:reading:asker:"
"""Which request asked first for a photo's reading (`tracing.carried`, as JSON); not every worker knows it."""
ANSWER_PREFIX = "sightline:reading:answer:"
ANSWER_EXPIRES_SECONDS = 6 * 3600
FAILED_EXPIRES_SECONDS = 60
"""For so long a photo that could not be read is not tried again."""
WAITING_MAX = 32
"""Photos that may wait at once: each holds its bytes in Redis, and those behind would not be read in time."""


@dataclass(frozen=True)
class PhotoReading:
    """What a photo says; or in `failure` why it was not read."""

    texts: tuple[TextRead, ...] = ()
    failure: str = ""

    def packed(self) -> bytes:
        """Return it as JSON."""
        return json.dumps({"texts": [one.to_json() for one in self.texts], "failure": self.failure}).encode()

    @classmethod
    def read(cls, data: bytes) -> PhotoReading:
        """Return what was packed; raises ValueError, TypeError or KeyError for anything else."""
        values = json.loads(data)
        return cls(tuple(TextRead.of(one) for one in values["texts"]), values["failure"])
