"""What can be wrong with a model on the hub."""

from __future__ import annotations

from workers.inference.errors import InferenceError


class HubError(InferenceError):
    """A published model cannot be fetched, or is not in a layout that is known (`hub.*`)."""
