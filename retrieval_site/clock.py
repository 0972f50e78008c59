"""Milliseconds from lap to lap, for the timings that every search tells."""

from __future__ import annotations

import time


class Clock:
    """Starts when made; each lap is named and counted from the one before."""

    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}
        self._started = self._last = time.perf_counter()

    @property
    def age_seconds(self) -> float:
        """Return how long ago it started."""
        return time.perf_counter() - self._started

    def lap(self, name: str) -> None:
        """Note the time since the last lap."""
        now = time.perf_counter()
        self.laps_ms[name] = round((now - self._last) * 1000, 2)
        self._last = now

    def with_total(self) -> dict[str, float]:
        """Return the laps and `total`, the time since the start."""
        return self.laps_ms | {"total": round((time.perf_counter() - self._started) * 1000, 2)}
