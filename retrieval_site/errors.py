"""One shape for every expected failure: an id for programs, a sentence for people, a detail for both.

`{"error": {"id": "image.too_large", "message": "a sentence", "detail": {}}}`. An unknown exception is never
turned into this: it stays a 500 and is logged with its request id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from workers.error_table import id_of, sentence, status_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class AppError(Exception):
    """A failure that a person or program can act on: `AppError("image.too_large", limit_bytes=…)`.

    The first argument is a stable id of the table of errors (`workers/error_table/errors.toml`), or one of its
    variants, `ID/VARIANT`. The table has the HTTP status that the API answers with, and the sentence; the facts that
    fill it become the error's `detail`, as plain JSON values.
    """

    id: str
    message: str
    status: int
    detail: dict[str, Any]

    def __init__(self, name: str, /, **detail: Any) -> None:
        self._say(id_of(name), sentence(name, detail), detail)

    @classmethod
    def quoting(
        cls,
        error_id: str,
        message: str,
        detail: Mapping[str, Any] | None = None,
        *,
        status: int | None = None,
    ) -> Self:
        """Return an error in words that were found elsewhere: in another process, or in a library's own refusal."""
        error = cls.__new__(cls)
        error._say(error_id, message, detail or {})
        error.status = status or error.status
        return error

    @classmethod
    def of_parameter(cls, field: str, message: str) -> Self:
        """Return the error for one parameter whose value cannot be used."""
        return cls.quoting("parameter.invalid", message, {field: [message]})

    def _say(self, error_id: str, message: str, detail: Mapping[str, Any]) -> None:
        Exception.__init__(self, f"{error_id}: {message}")
        self.id, self.message, self.detail = error_id, message, dict(detail)
        self.status = status_of(error_id)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that go with the answer: after how many seconds another try makes sense."""
        seconds = self.detail.get("retry_after_seconds")
        return {} if seconds is None else {"Retry-After": str(seconds)}

    def as_json(self) -> dict[str, Any]:
        """Return the one error shape of API v1, readable whatever it quotes."""
        return {"error": readable({"id": self.id, "message": self.message, "detail": self.detail})}


def readable(value: Any) -> Any:
    """Return a JSON value with `?` for halves of surrogate pairs, which a caller may send and nobody can encode."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {readable(key): readable(item) for key, item in value.items()}
    return [readable(item) for item in value] if isinstance(value, list | tuple) else value
