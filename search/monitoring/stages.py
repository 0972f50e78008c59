"""How long each stage of a search took, for `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEPS_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

stage_seconds = Histogram(
    "sightline_search_stage_seconds", "Time of a stage of a search.", ["stage"], buckets=_STEPS_SECONDS
)


def stages_note(timings_ms: Mapping[str, float]) -> None:
    """Note a search's timings, milliseconds by stage, as its answer gives them (`total` among them)."""
    for stage, milliseconds in timings_ms.items():
        stage_seconds.labels(stage).observe(milliseconds / 1000)
