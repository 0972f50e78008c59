"""The child's side: fetches one picture after another. Runs in a sandboxed process that has the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workers.fetching.fetch import Fetcher, FetchLimits

if TYPE_CHECKING:
    from typing_extensions import Buffer

PLACE = f"{__name__}:FetchHandler"


class FetchHandler:
    """See `pool.Fetchers`."""

    def __init__(self, limits: dict[str, Any]) -> None:
        tuples = {name: tuple(limits[name]) for name in ("ports", "networks")}
        self._fetcher = Fetcher(FetchLimits(**limits | tuples))

    def hello(self) -> dict[str, Any]:
        """Return nothing: there is nothing to tell."""
        return {}

    def fetch(self, head: dict[str, Any], _payload: memoryview) -> tuple[dict[str, Any], list[Buffer]]:
        """Return the file at `address`."""
        return {}, [self._fetcher.fetch(head["address"], head.get("headers"))]

    def post(self, head: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], list[Buffer]]:
        """Send the payload to `address`; return the answer's status and its beginning."""
        status, answer = self._fetcher.post(head["address"], bytes(payload), head["headers"])
        return {"status": status}, [answer]
