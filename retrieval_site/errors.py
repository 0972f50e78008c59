"""One shape for every expected failure: an id for programs, a sentence for people, a detail for both.

`{"error": {"id": "image.too_large", "message": "a sentence", "detail": {}}}`. An unknown exception is never
turned into this: it stays a 500 and is logged with its request id.
"""

from __future__ import annotations

from typing import Any

from retrieval_site.error_table import status_of


class AppError(Exception):
    """A failure that a person or program can act on.

    `id` is stable; the table of ids (error_table.py) has the HTTP status that the API answers with, and a test holds
    a `status` that is given here against it.
    """

    def __init__(
        self, error_id: str, message: str, *, status: int | None = None, detail: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{error_id}: {message}")
        self.id = error_id
        self.message = message
        self.status = status or status_of(error_id)
        self.detail = detail or {}

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


def not_found(what: str) -> AppError:
    """Return the same answer for what is missing and for what may not be seen."""
    return AppError(f"{what}.not_found", f"There is no such {what}, or you may not see it.", status=404)
