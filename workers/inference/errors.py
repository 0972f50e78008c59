"""What can be wrong with a picture, a text or a bundle, each with a stable id and a sentence for a person."""

from __future__ import annotations

import math
import re
from typing import Any, Self

from workers.error_table import id_of, sentence

UNKEPT = re.compile("[\x00\ud800-\udfff]")
"""What is no text for a database or JSON: NUL, and halves of surrogate pairs."""


def _kept(value: Any) -> Any:
    """Return a value as JSON and a database keep it: what it quotes of a file may hold NUL, or infinity."""
    if isinstance(value, str):
        return UNKEPT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {_kept(key): _kept(inner) for key, inner in value.items()}
    return [_kept(inner) for inner in value] if isinstance(value, list) else value


class InferenceError(Exception):
    """An expected failure: `id` for programs, `message` for people, `detail` as plain JSON values.

    `PictureError("image.too_large", limit_bytes=…)`: an id of the table of errors (`workers/error_table/errors.toml`)
    or one of its variants, `ID/VARIANT`; the facts fill the table's sentence and become the detail. Id, sentence and
    detail travel in `args`, so the error survives pickling between processes.
    """

    def __init__(self, name: str, /, **detail: Any) -> None:
        kept: dict[str, Any] = _kept(detail)
        super().__init__(id_of(name), sentence(name, kept), kept)

    @classmethod
    def quoting(cls, error_id: str, message: str, detail: dict[str, Any] | None = None) -> Self:
        """Return an error in words that were found elsewhere, such as in another process."""
        error = cls.__new__(cls)
        error.args = (error_id, _kept(message), _kept(detail or {}))
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).quoting, self.args

    @property
    def id(self) -> str:
        """The stable identifier, such as `image.too_large`."""
        return str(self.args[0])

    @property
    def message(self) -> str:
        """One full sentence for a person."""
        return str(self.args[1])

    @property
    def detail(self) -> dict[str, Any]:
        """The facts behind the sentence, as plain JSON values."""
        found: dict[str, Any] = self.args[2]
        return found

    def __str__(self) -> str:
        return f"{self.message} [{self.id}]"


class PictureError(InferenceError):
    """A picture cannot be used (`image.*`)."""


class TextError(InferenceError):
    """A text cannot be encoded (`text.*`)."""


class FileError(InferenceError):
    """A document's file cannot be read (`file.*`)."""


class BundleError(InferenceError):
    """A bundle is refused (`bundle.*`)."""


class EncoderError(InferenceError):
    """An encoder cannot be loaded or cannot answer (`encoder.*`)."""


class EncoderDiedError(EncoderError):
    """The encoder's process ended while it encoded this (`encoder.died`)."""


class EncoderMemoryError(EncoderError):
    """Its process had too little memory for what was to be encoded, or for anything (`encoder.memory`)."""


class EncoderUnfitError(EncoderError):
    """It can encode nothing now, for want of memory say: what was to be encoded has nothing to do with it."""


class EncoderNotStartedError(EncoderUnfitError):
    """Its process could not be started."""


class EncoderDiedLoadingError(EncoderDiedError, EncoderNotStartedError):
    """Its process ended while it was being started."""


class EncoderSetAsideError(EncoderDiedError):
    """It ended once too often: this model must not be used any more."""
